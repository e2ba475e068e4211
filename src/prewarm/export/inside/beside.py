"""What lies beside a graph: the tokenizer with the lengths that are wanted, and what prepares pictures and sound.

Changes with what a task opens. A tokenizer.json is never left as it lay there: many carry a truncation and a padding to
fixed lengths that their model's users never see, since transformers sets its own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TOKENIZER = "tokenizer.json"
_WITH_LABELS = ("text-classification", "token-classification", "image-classification", "object-detection")


def write(
    folder: Path, model: Any, processor: Any, tokenizer: Any, *, longest: int | None, task: str, has_mask: bool
) -> None:
    """Write the files into ``folder``; ``has_mask``: whether the graph is told which tokens are padding."""
    if tokenizer is not None:
        on_left = task == "text-generation"
        _tokenizer(folder, tokenizer, longest, on_left=on_left, has_mask=has_mask)
    maker = getattr(processor, "image_processor", None) or _extractor(processor)
    if hasattr(maker, "to_dict"):
        said = json.dumps(maker.to_dict(), indent=2, sort_keys=True, default=str)
        (folder / "preprocessor_config.json").write_text(said + "\n", encoding="utf-8")
    labels = getattr(getattr(model, "config", None), "id2label", None)
    if task in _WITH_LABELS and isinstance(labels, dict):
        said = json.dumps({str(key): value for key, value in labels.items()}, indent=2)
        (folder / "labels.json").write_text(said + "\n", encoding="utf-8")


def _extractor(processor: Any) -> Any:
    inner = getattr(processor, "feature_extractor", None)
    if inner is not None:
        return inner
    return processor if processor is not None and not hasattr(processor, "get_vocab") else None


def _tokenizer(folder: Path, tokenizer: Any, longest: int | None, *, on_left: bool, has_mask: bool) -> None:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        # Of Python alone, such as Wav2Vec2's: its own files are what there is.
        tokenizer.save_pretrained(folder)
        return
    from tokenizers import Tokenizer

    own = Tokenizer.from_str(backend.to_str())
    own.no_padding()
    own.no_truncation()
    if longest is not None:
        own.enable_truncation(longest, direction=getattr(tokenizer, "truncation_side", "right"))
    if tokenizer.pad_token is not None:
        own.enable_padding(
            direction="left" if on_left else "right",
            pad_id=tokenizer.pad_token_id,
            pad_token=tokenizer.pad_token,
            pad_type_id=getattr(tokenizer, "pad_token_type_id", 0) or 0,
            # Who has no mask was trained on texts that are as long as each other.
            length=None if has_mask else longest,
        )
    own.save(str(folder / TOKENIZER))
