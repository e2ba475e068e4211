"""Which files a processor is made of, and which class a repository's files call for.

``AutoProcessor`` alone fails on a repository with only a feature extractor, and makes up an empty tokenizer for one
with only weights (seen with transformers 5.23), so the class is chosen from what is really there.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from prewarm.plan.known import Known
from prewarm.records.entry import Entry
from prewarm.records.listing import Repo

PROCESSOR_CONFIG = "processor_config.json"
PREPROCESSOR_CONFIGS = ("preprocessor_config.json", "video_preprocessor_config.json")
TOKENIZER_CONFIG = "tokenizer_config.json"
_PROCESSOR_FILES = (
    PROCESSOR_CONFIG,
    *PREPROCESSOR_CONFIGS,
    "audio_tokenizer_config.json",
    "chat_template.json",
    "chat_template.jinja",
    "additional_chat_templates/*.jinja",
    "alphabet.json",
    "language_model/*",
)
VOCABULARIES = (
    "tokenizer.json",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "sentencepiece.model",
    "tokenizer.model",
    "spm.model",
    "spm_char.model",
    "source.spm",
    "tekken.json",
    "tiktoken.model",
    "*.tiktoken",
    "entity_vocab.json",
    "vocab-src.json",
    "dict.txt",
    "bpe.codes",
    "prophetnet.tokenizer",
)
"""The files that hold a vocabulary, those first that are easiest to count."""
_TOKENIZER_FILES = (
    TOKENIZER_CONFIG,
    *VOCABULARIES,
    "added_tokens.json",
    "special_tokens_map.json",
    "merges.txt",
    "target.spm",
    "target_vocab.json",
    "vocab-tgt.json",
    "tokenizer.model.v*",
    "normalizer.json",
    "emoji.json",
    "byte_maps.json",
    "word_shape.json",
    "word_pronunciation.json",
)


@dataclass(frozen=True, kw_only=True)
class ProcessorChoice:
    """The class to load the processor with, and where its files are."""

    name: str | None
    """None: load none."""
    repo: Repo
    folder: str
    """Empty, or with a slash at its end."""
    reason: str
    """Why not the class that was asked for; empty where it is."""
    vocabulary: str | None
    """Path of the file to compare a tokenizer with."""


def processor_files(paths: Collection[str], folder: str) -> set[str]:
    """The files below ``folder`` that tokenizers and processors read."""
    return {path for path in paths if path.startswith(folder) and _matches(path[len(folder) :], _ALL)}


_ALL = (*_PROCESSOR_FILES, *_TOKENIZER_FILES)


def _matches(name: str, patterns: Collection[str]) -> bool:
    return any(
        name == p or (("*" in p) and name.count("/") == p.count("/") and fnmatch.fnmatchcase(name, p)) for p in patterns
    )


def processor_folder(entry: Entry, paths: Collection[str]) -> str:
    """Where the processor's files are: the entry's subfolder where it has any, else the top."""
    named = entry.processor_kwargs.get("subfolder", entry.subfolder)
    folder = f"{named}/" if named else ""
    if "subfolder" in entry.processor_kwargs or not folder or processor_files(paths, folder):
        return folder
    return ""


def processor_repo(entry: Entry, known: Known, repos: Collection[Repo]) -> Repo:
    """The first of ``repos`` that has a processor's files: an adapter may leave them to its base model."""
    for repo in repos:
        paths = known.paths(repo)
        if processor_files(paths, processor_folder(entry, paths)):
            return repo
    return entry.repo


def processor_of(entry: Entry, known: Known, repos: Collection[Repo]) -> ProcessorChoice:
    """The class for the files that are really there, in the first of ``repos`` that has any.

    Raises:
        Needs: the preprocessor's configuration has to be read.
    """
    repo = processor_repo(entry, known, repos)
    paths = known.paths(repo)
    folder = processor_folder(entry, paths)
    names = {path[len(folder) :] for path in processor_files(paths, folder)}
    vocabulary = next(
        (folder + name for pattern in VOCABULARIES for name in sorted(names) if _matches(name, [pattern])), None
    )
    name, reason = _choose(entry, names, lambda document: known.table(repo, folder + document))
    return ProcessorChoice(name=name, repo=repo, folder=folder, reason=reason, vocabulary=vocabulary)


def _choose(entry: Entry, names: set[str], table: Any) -> tuple[str | None, str]:
    if not entry.loads_processor:
        return None, ""
    if isinstance(entry.processor_class, str):
        return entry.processor_class, ""
    has_tokenizer = any(_matches(name, _TOKENIZER_FILES) for name in names)
    preprocessor = next((name for name in PREPROCESSOR_CONFIGS if name in names), None)
    if PROCESSOR_CONFIG in names or (preprocessor and has_tokenizer):
        return "AutoProcessor", ""
    if has_tokenizer:
        return "AutoTokenizer", ""
    if preprocessor is None:
        return None, "it has no processor's files"
    content: Mapping[str, Any] = table(preprocessor)
    if preprocessor == "video_preprocessor_config.json":
        return "AutoVideoProcessor", ""
    # Old image processors call themselves feature extractors too; only those of sound have a sampling rate.
    if "sampling_rate" in content:
        return "AutoFeatureExtractor", "AutoProcessor fails on a feature extractor alone"
    if isinstance(content.get("processor_class"), str) and "image_processor_type" not in content:
        return "AutoProcessor", ""
    return "AutoImageProcessor", ""
