"""Loads a processor, and compares its tokenizer with the vocabulary. Changes with transformers' tokenizers.

transformers 5.23 builds, without an error, a tokenizer of 1 or 5 tokens for real repositories whose vocabulary files
have hundreds.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

from prewarm.proof.inside.classes import call, class_of, keywords
from prewarm.proof.inside.request import Request
from prewarm.worker.refused import Refused

CHECKED_SHARE = 0.5
"""A tokenizer with less than this share of its vocabulary is not the one that was trained."""

_READERS = {
    "vocab.txt": ("BertTokenizer",),
    "vocab.json": ("GPT2Tokenizer", "RobertaTokenizer"),
    "tokenizer.model": ("LlamaTokenizer", "GemmaTokenizer"),
    "sentencepiece.bpe.model": ("XLMRobertaTokenizer",),
    "spiece.model": ("T5Tokenizer", "AlbertTokenizer"),
    "tokenizer.json": ("PreTrainedTokenizerFast",),
}
"""Classes that read a vocabulary file, where nothing else tells."""


def load_processor(request: Request, notes: list[str]) -> Any:
    """The processor, or None where none is asked for; ``notes`` is told of a class that was replaced.

    Raises:
        Refused: its tokenizer is not the one of the files, and no class was found that reads them.
    """
    if not request.processor:
        return None
    kind = class_of(request.processor)
    own = dict(request.processor_kwargs)
    if request.processor_subfolder:
        own["subfolder"] = request.processor_subfolder
    processor = call(kind, request.processor_repo, keywords(request, kind, own))
    fault = tokenizer_fault(processor, request)
    if fault is None:
        return processor
    said = f"{kind.__name__} makes a {type(processor).__name__} {fault}"
    for reader in _readers(request):
        try:
            other = call(reader, request.processor_repo, keywords(request, reader, own))
        except Exception:
            continue
        if tokenizer_fault(other, request) is None:
            if request.named_processor:
                raise Refused(
                    "load-error", said, f'{reader.__name__} reads them all: processor_class = "{reader.__name__}"'
                )
            notes.append(f"{said}: {reader.__name__} is used instead, and the application has to use it too")
            return other
    raise Refused(
        "load-error", said, "no tokenizer of transformers that was tried reads it: name one with processor_class"
    )


def tokenizer_fault(processor: Any, request: Request) -> str | None:
    """What is wrong with the processor's tokenizer, or None."""
    tokenizer = next(
        (one for one in (processor, getattr(processor, "tokenizer", None)) if hasattr(one, "get_vocab")), None
    )
    if tokenizer is None or request.vocabulary is None:
        return None
    path = Path(request.vocabulary)
    expected, where = vocabulary_size(path), path.name
    if expected is None:
        expected, where = _configured_size(request.config()), "config.json"
    if expected is None or len(tokenizer) >= expected * CHECKED_SHARE:
        return None
    return f"of {len(tokenizer)} tokens, where {where} has {expected}"


def vocabulary_size(path: Path) -> int | None:
    """The number of tokens in a vocabulary file, or None where it cannot be counted."""
    try:
        if path.name == "tokenizer.json":
            vocab = json.loads(path.read_text(encoding="utf-8")).get("model", {}).get("vocab")
            return len(vocab) if vocab else None
        if path.name in ("vocab.json", "vocab-src.json"):
            return len(json.loads(path.read_text(encoding="utf-8")))
        if path.name in ("vocab.txt", "dict.txt"):
            return sum(1 for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
        if path.suffix in (".model", ".spm") and importlib.util.find_spec("sentencepiece"):
            import sentencepiece

            return int(sentencepiece.SentencePieceProcessor(model_file=str(path)).get_piece_size())
    except (OSError, ValueError, RuntimeError):
        return None
    return None


def _configured_size(config: dict[str, Any]) -> int | None:
    for table in (config, *(part for part in config.values() if isinstance(part, dict))):
        if isinstance(size := table.get("vocab_size"), int):
            return size
    return None


def _readers(request: Request) -> list[Any]:
    import transformers
    from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES

    config = request.config()
    mapped = TOKENIZER_MAPPING_NAMES.get(str(config.get("model_type")))
    names = [
        config.get("tokenizer_class"),
        *(mapped if isinstance(mapped, (tuple, list)) else [mapped]),
        *_READERS.get(Path(request.vocabulary or "").name, ()),
    ]
    kinds = [getattr(transformers, name, None) for name in names if isinstance(name, str)]
    return [kind for at, kind in enumerate(kinds) if kind is not None and kind not in kinds[:at]]
