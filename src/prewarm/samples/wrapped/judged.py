"""What a wrapped model gave for its sample, looked at. Changes with the shape of its answers.

An answer is ``{"confidence_scores": {task: {label: number}}, "predicted_labels": {task: {label: 0 or 1}}}``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prewarm.records.errors import WrappedError
from prewarm.records.text import harmless, quoted
from prewarm.samples.differing import first_difference

_MOST_BYTES = 16 << 20
_PARTS = ("confidence_scores", "predicted_labels")
_REL, _ABS = 1e-3, 1e-4


@dataclass(frozen=True, kw_only=True)
class Given:
    """An answer that is right."""

    loaded: str
    """The class."""
    answer: Mapping[str, Any]
    init_s: float
    inference_s: float


def judged(path: Path) -> Given:
    """What the process in a wrapped model's environment said.

    Raises:
        WrappedError: a step has failed, the answers differ, or they are of another shape.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("too large")
        said = json.loads(path.read_text(encoding="utf-8"))
        error = said.get("error")
        if error is not None:
            raise WrappedError(
                "load-error",
                quoted(f"{error['stage']}: {error['message']}", 1000),
                hint="run src/inference.py by hand; -v shows the trace",
                trace=str(error.get("trace", ""))[:20_000],
            )
        single, batch, count = said["single"], list(said["batch"]), int(said["count"])
        times = float(said["init_s"]), float(said["inference_s"])
        loaded = harmless(str(said["class"]))[:200]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise WrappedError(
            "load-error", "its process gives no answer that can be read", hint="its code disturbs the process"
        ) from None
    _check_shape(single)
    if len(batch) != count:
        told = f"inference_batch gives {len(batch)} answers to {count} inputs"
        raise WrappedError("load-error", told, hint="one answer for each input, in their order")
    for at, one in enumerate(batch):
        if (where := _difference(single, one)) is not None:
            raise WrappedError(
                "load-error",
                f"inference_batch gives another answer than inference for the same input: batch[{at}]{where}",
                hint="both have to prepare and to compute alike",
            )
    return Given(loaded=loaded, answer=single, init_s=times[0], inference_s=times[1])


def _check_shape(answer: Any) -> None:
    def wrong(said: str) -> WrappedError:
        hint = '{"confidence_scores": {task: {label: 0.9}}, "predicted_labels": {task: {label: 1}}}'
        return WrappedError("load-error", f"its answer is of another shape: {said}", hint=hint)

    if not isinstance(answer, dict) or not all(isinstance(answer.get(part), dict) for part in _PARTS):
        raise wrong(f"it has no {' and '.join(_PARTS)}")
    scores, labels = (answer[part] for part in _PARTS)
    if not scores or set(scores) != set(labels):
        raise wrong(f"scores of {sorted(scores) or 'nothing'}, and labels of {sorted(labels) or 'nothing'}")
    for task in scores:
        if not isinstance(scores[task], dict) or not isinstance(labels[task], dict) or not scores[task]:
            raise wrong(f"{task} has no labels")
        if set(scores[task]) != set(labels[task]):
            raise wrong(f"{task} has scores of {sorted(scores[task])}, and labels of {sorted(labels[task])}")
        for label, score in scores[task].items():
            if isinstance(score, bool) or not isinstance(score, (int, float)) or not 0 <= score <= 1:
                raise wrong(f"the score of {task}.{label} is {score!r:.40}, and no number from 0 to 1")
        for label, flag in labels[task].items():
            if isinstance(flag, bool) or flag not in (0, 1):
                raise wrong(f"the label {task}.{label} is {flag!r:.40}, and neither 0 nor 1")


def _difference(one: Any, other: Any) -> str | None:
    """Where two answers differ; None: nowhere."""
    found = first_difference(one, other, _is_like)
    if found is None:
        return None
    where, wanted, given = found
    if isinstance(wanted, (dict, list)) and type(wanted) is type(given):
        return where or ": other keys"
    return f"{where}: {_short(given)}, and not {_short(wanted)}"


def _is_like(one: Any, other: Any) -> bool:
    if isinstance(one, (int, float)) and isinstance(other, (int, float)) and max(abs(one), abs(other)) <= 1e300:
        return math.isclose(one, other, rel_tol=_REL, abs_tol=_ABS)
    return bool(one == other)


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else f"{value!s:.60}"
