"""Which files transformers looks for and a commit does not have. Changes with the files that it looks for.

huggingface_hub keeps such answers in the cache (``.no_exist``) and does not ask again, so that an application that is
online asks for less. Only a complete listing may say so: a wrong mark would hide a file for good.
"""

from __future__ import annotations

from prewarm.plan.known import Known
from prewarm.plan.weights import STEMS, with_variant
from prewarm.records import names
from prewarm.records.entry import Entry
from prewarm.records.listing import Repo

PROBES = (
    "adapter_config.json",
    "added_tokens.json",
    "audio_tokenizer_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "config.json",
    "generation_config.json",
    "merges.txt",
    "normalizer.json",
    "preprocessor_config.json",
    "processor_config.json",
    "sentencepiece.bpe.model",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "video_preprocessor_config.json",
    "vocab.json",
    "vocab.txt",
)
"""Seen with transformers 5.23: what its Auto classes ask for, whether it is listed or not."""


_OF_SENTENCE_TRANSFORMERS = ("README.md", "config_sentence_transformers.json", "modules.json")
"""Seen with sentence-transformers 6.2."""


def absent_files(entry: Entry, known: Known, repo: Repo) -> tuple[str, ...]:
    """Those of the names that ``repo`` does not list, in the folders that the entry's classes look into."""
    folders = {"", entry.subfolder, str(entry.processor_kwargs.get("subfolder") or "")}
    looked_for = {*PROBES, *(with_variant(name, entry.variant) for name in STEMS)}
    if entry.package in ("sentence_transformers", "setfit"):
        looked_for.update(_OF_SENTENCE_TRANSFORMERS)
    paths = known.paths(repo)
    asked = {f"{folder}/{name}" if folder else name for folder in folders for name in looked_for}
    return tuple(sorted(path for path in asked - paths if names.is_path(path)))
