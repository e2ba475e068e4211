"""Where two values of JSON differ. Changes with what JSON holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def first_difference(
    one: Any, other: Any, is_like: Callable[[Any, Any], bool], where: str = ""
) -> tuple[str, Any, Any] | None:
    """The first place at which two values differ, such as ``.scores[2]``, and what stands there; None: none.

    Args:
        one: tables, lists and what they hold.
        other: as ``one``.
        is_like: says whether two values count as the same that are not tables of the same keys, or lists of one length.
        where: the place of the two.
    """
    if isinstance(one, dict) and isinstance(other, dict) and set(one) == set(other):
        parts = [(one[key], other[key], f"{where}.{key}") for key in one]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        parts = [(x, y, f"{where}[{at}]") for at, (x, y) in enumerate(zip(one, other, strict=True))]
    else:
        return None if is_like(one, other) else (where, one, other)
    found = (first_difference(x, y, is_like, place) for x, y, place in parts)
    return next((difference for difference in found if difference is not None), None)
