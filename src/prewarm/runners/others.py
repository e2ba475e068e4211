"""Answers of pipelines, and of classes that nobody here knows. Changes with what these give."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from prewarm.runners import media
from prewarm.runners.question import Question, cannot
from prewarm.worker.loaded import Loaded

_TEXTS = ("generated_text", "text", "answer", "translation_text", "summary_text")
_DEPTH = 12
_ITEMS = 10_000


def called(loaded: Loaded, question: Question) -> dict[str, Any]:
    """What the pipeline, or what was loaded, gives for keywords."""
    call = loaded.pipeline if loaded.pipeline is not None else loaded.model
    if not callable(call):
        raise cannot(f"a {type(call).__name__} cannot be called", 'task = "…" calls a pipeline')
    return _told(call(**dict(question.input or {})))


def piped(loaded: Loaded, question: Question) -> dict[str, Any]:
    """What the pipeline gives for a text, a picture or a sound."""
    if loaded.pipeline is None:
        raise cannot(
            f"nobody knows what {type(loaded.model).__name__} does",
            "input = { … } are the keywords that it is called with",
        )
    if question.image is not None:
        return _told(loaded.pipeline(media.image(question.image)))
    if question.audio is not None:
        rate = int(getattr(loaded.pipeline.feature_extractor, "sampling_rate", media.RATE))
        return _told(loaded.pipeline(media.sound(question.audio, rate)))
    return _told(loaded.pipeline(question.text))


def _told(given: Any) -> dict[str, Any]:
    """A pipeline's output as an answer."""
    rows = given if isinstance(given, list) else [given]
    while len(rows) == 1 and isinstance(rows[0], list):
        rows = rows[0]
    if rows and all(isinstance(row, Mapping) for row in rows):
        if all("score" in row and ("label" in row or "token_str" in row) for row in rows):
            pairs = [[str(row.get("label", row.get("token_str"))), float(row["score"])] for row in rows]
            return {"kind": "labels", "labels": sorted(pairs, key=lambda pair: -float(pair[1]))}
        if "labels" in rows[0] and "scores" in rows[0]:
            pairs = [[str(one), float(score)] for one, score in zip(rows[0]["labels"], rows[0]["scores"], strict=True)]
            return {"kind": "labels", "labels": pairs}
        for key in _TEXTS:
            if isinstance(rows[0].get(key), str):
                score = rows[0].get("score")
                sure = [float(score)] if isinstance(score, (int, float)) else []
                return {"kind": "text", "texts": [rows[0][key]], "confidence": sure}
    return {"kind": "value", "value": plain(given)}


def plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON can say it."""
    if depth > _DEPTH:
        return "…"
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(inner, depth + 1) for key, inner in list(value.items())[:_ITEMS]}
    if isinstance(value, (list, tuple, set)):
        return [plain(inner, depth + 1) for inner in list(value)[:_ITEMS]]
    if hasattr(value, "tolist"):
        return plain(value.tolist(), depth + 1)
    if hasattr(value, "to_tuple"):
        return plain(dict(value), depth + 1)
    # A picture, or another object: what it is, without an address in memory.
    size = getattr(value, "size", None)
    return f"{type(value).__name__} {size}" if isinstance(size, tuple) else type(value).__name__
