"""Sets of bytes as sorted ranges. Pure; changes never."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

Range: TypeAlias = tuple[int, int]
"""The first byte, and the one behind the last."""


def add(ranges: Iterable[Range], start: int, end: int) -> list[Range]:
    """``ranges`` with one more, merged where they touch."""
    merged: list[Range] = []
    for one in sorted([*ranges, (start, end)]):
        if one[0] >= one[1]:
            continue
        if merged and one[0] <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], one[1]))
        else:
            merged.append(one)
    return merged


def holes(ranges: Iterable[Range], size: int) -> list[Range]:
    """What is not in ``ranges`` of the bytes from 0 to ``size``."""
    found, at = [], 0
    for start, end in add(ranges, 0, 0):
        if start > at:
            found.append((at, min(start, size)))
        at = max(at, end)
    if at < size:
        found.append((at, size))
    return [(start, end) for start, end in found if start < end]


def total(ranges: Iterable[Range]) -> int:
    """How many bytes are in ``ranges``."""
    return sum(end - start for start, end in ranges)
