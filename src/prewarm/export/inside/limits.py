"""How long an input of a model may be. Changes with where models and tokenizers say so."""

from __future__ import annotations

from typing import Any

from prewarm.export.inside.calls import text_config
from prewarm.worker.refused import Refused

ENCODER_MOST = 8192
GENERATION_MOST = 2048
"""Tokens of an artifact whose entry names no max_length: attention over more is compared for minutes."""
LEAST = 16
_WITHOUT = 512
_NONSENSE = 1 << 22
"""transformers' own word for no limit is 10**30."""
_KEYS = ("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx", "max_target_positions")


def longest(model: Any, tokenizer: Any, wanted: int | None, *, most: int, known: int | None = None) -> int:
    """The most tokens of one input.

    Args:
        model: with a configuration.
        tokenizer: of it, or None.
        wanted: what the manifest names.
        most: where it names nothing.
        known: a limit that was found elsewhere.

    Raises:
        Refused: the model cannot take what the manifest wants.
    """
    positions = _positions(model)
    if wanted is not None and wanted < LEAST:
        raise Refused(
            "export-error",
            f"max_length = {wanted} is too short: a graph is traced with {LEAST} tokens",
            f"max_length = {LEAST} or more",
        )
    if wanted is not None:
        if positions is not None and wanted > positions:
            raise Refused(
                "export-error",
                f"max_length = {wanted} is more than the {positions} positions of {type(model).__name__}",
                f"max_length = {positions}, or leave it out",
            )
        return wanted
    found = [limit for limit in (positions, known, _said_by(tokenizer)) if limit is not None]
    return min([*(found or [_WITHOUT]), most])


def _said_by(tokenizer: Any) -> int | None:
    said = getattr(tokenizer, "model_max_length", None)
    return int(said) if isinstance(said, (int, float)) and 0 < said < _NONSENSE else None


def _positions(model: Any) -> int | None:
    if getattr(model, "config", None) is None:
        return None
    text = text_config(model)
    said = next((found for key in _KEYS if isinstance(found := getattr(text, key, None), int) and found > 0), None)
    return None if said is None else said - _offset(model)


def _offset(model: Any) -> int:
    """Positions that no token gets: RoBERTa and its kin begin after the one of the padding."""
    for name, part in model.named_modules():
        if name.rpartition(".")[2] in ("position_embeddings", "embed_positions"):
            padding = getattr(part, "padding_idx", None)
            return 0 if padding is None else int(padding) + 1
    return 0
