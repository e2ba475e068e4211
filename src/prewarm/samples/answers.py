"""The worker's answers, looked at before they are believed. Changes with what an answer has.

Code of a repository may have written them: types, lengths and numbers are checked here, and nowhere else.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, get_args

from prewarm.records.errors import ProofError
from prewarm.records.sample import Answer, AnswerKind
from prewarm.records.text import quoted

_CHARACTERS = 1 << 20
_NUMBERS = 1 << 20
_ITEMS = 10_000
_WORD = 200


class _TooLarge(ValueError):
    """An answer that nobody could read."""


def read_answers(said: Mapping[str, Any], count: int) -> list[Answer | str]:
    """An answer to each question, or what kept the model from giving it.

    Args:
        said: by the worker.
        count: of the questions.

    Raises:
        ProofError: it is nothing that one would say.
    """
    try:
        found = _list(said["answers"], count)
        if len(found) != count:
            raise ValueError("another number of answers")
        return [_answer(one) for one in found]
    except (KeyError, TypeError, ValueError, RecursionError):
        raise ProofError(
            "load-error",
            "the process that was asked gives no answers that can be read",
            hint="the code of the model, or of a library that it uses, disturbs the process",
        ) from None


def answer_of(said: Mapping[str, Any]) -> Answer:
    """One answer.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    kind = said["kind"]
    if kind not in get_args(AnswerKind):
        raise ValueError("of no kind")
    texts = tuple(_text(one) for one in _list(said.get("texts", []), _ITEMS))
    if kind == "value":
        content = json.dumps(said.get("value"), ensure_ascii=False, sort_keys=True)
        if len(content) > _CHARACTERS:
            raise _TooLarge
        texts = (_text(content),)
    return Answer(
        kind=kind,
        task=quoted(said.get("task") or "", _WORD),
        texts=texts,
        confidence=_numbers(said.get("confidence", [])),
        labels=tuple((_text(name)[:_WORD], _number(score)) for name, score in _list(said.get("labels", []), _ITEMS)),
        vector=_numbers(said.get("vector", [])),
        numbers=_numbers(said.get("numbers", [])),
        first=tuple((_whole(at), _number(value)) for at, value in _list(said.get("first", []), _ITEMS)),
        tokens=_whole(said.get("tokens", 0)),
        is_sampled=said.get("is_sampled") is True,
        elapsed_s=_number(said.get("elapsed_s", 0.0)),
        notes=tuple(quoted(one) for one in _list(said.get("notes", []), _ITEMS)),
    )


def _answer(said: Any) -> Answer | str:
    if not isinstance(said, dict):
        raise TypeError("no table")
    error = said.get("error")
    if error is None:
        try:
            return answer_of(said)
        except _TooLarge:
            return "its answer is larger than a megabyte"
    message, hint = error["message"], error["hint"]
    if not isinstance(message, str) or not isinstance(hint, str):
        raise TypeError("no error")
    return quoted(message) + (f" (try: {quoted(hint)})" if hint else "")


def _list(value: Any, most: int) -> list[Any]:
    if not isinstance(value, (list, tuple)) or len(value) > most:
        raise TypeError("no list")
    return list(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _CHARACTERS:
        raise TypeError("no text")
    # Half characters cannot be written anywhere.
    return value.encode("utf-8", "replace").decode()


def _numbers(value: Any) -> tuple[float, ...]:
    return tuple(_number(one) for one in _list(value, _NUMBERS))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("no number")
    # What a model computes may be none; it is unlike every other then.
    return float(value) if math.isfinite(value) else math.nan


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("no number")
    return value
