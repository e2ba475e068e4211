"""Answers samples where the model is loaded. Changes with what the worker is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from prewarm.runners import Keys, Question, ask
from prewarm.worker.loaded import Loaded


def answer(
    loaded: Loaded, *, questions: Sequence[Mapping[str, Any]], generation: Mapping[str, Any], seed: int | None
) -> dict[str, Any]:
    """The answer to each question, in their order.

    Args:
        loaded: the model and what prepares its inputs.
        questions: fields of ``Question``.
        generation: keywords of ``generate``.
        seed: where sampling starts.
    """
    asked = [Question(**{**one, "chat": tuple(one.get("chat") or ())}) for one in questions]
    return {"answers": ask(loaded, asked, Keys(generation=generation, seed=seed))}
