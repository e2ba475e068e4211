"""One graph to make: what goes in, what comes out, and inputs to trace and to compare it with. Changes with these."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Axes: TypeAlias = Sequence[str | int]
Tensors: TypeAlias = "tuple[Any, ...]"


@dataclass(frozen=True)
class Case:
    """The sizes of one input."""

    batch: int
    length: int = 0
    """Tokens, samples or frames; meaningless where an input has none."""
    is_padded: bool = False
    past: int = 0
    """Tokens that the cache holds already."""


@dataclass(frozen=True, kw_only=True)
class Port:
    """An input or an output."""

    name: str
    axes: Axes
    """Names of those that vary, sizes of the others."""


@dataclass(frozen=True, kw_only=True)
class Graph:
    """What to make of a model, or of a part of it."""

    file: str
    module: Any
    """Takes the inputs by position, gives a tuple of the outputs."""
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    limits: Mapping[str, tuple[int, int]]
    """Axis to its least and its greatest size."""
    sample: Callable[[Case], Tensors]
    traced: Case
    cases: tuple[Case, ...]
    """What it is compared with; none of them is the traced one."""
    counted: Callable[[Tensors, Case], Any] = lambda *_: None
    """Gives a mask of the first axes of the first output, where it is compared; None: everywhere."""
    needs_patches: bool = False
    """Whether transformers' own exporter is tried first."""
    constants: Mapping[str, Any] = field(default_factory=dict)
    """Facts of it that who opens it has to know."""


MOST_IN_A_BATCH = 1024
USUAL_LEAST = 2
"""Tokens of the shortest text that a graph has to take."""
BATCH = {"batch": (1, MOST_IN_A_BATCH)}


def lengths(longest: int, *, least: int = USUAL_LEAST) -> tuple[Case, ...]:
    """Cases up to ``longest``: short and long, one and several, padded and not."""
    wanted = [
        Case(1, least),
        Case(3, 7, is_padded=True),
        Case(4, 16),
        Case(5, 33, is_padded=True),
        Case(2, max(longest // 2, least), is_padded=True),
        Case(1, longest),
    ]
    bounded = [Case(one.batch, min(one.length, longest), one.is_padded and longest > least) for one in wanted]
    return tuple(dict.fromkeys(bounded))


def keep_padding(mask: Any, *, on_left: bool = False) -> Any:
    """``mask``, ones alone, with padding in each row but the longest: the first is as long as all, others are not."""
    rows, columns = mask.shape
    for row in range(1, rows):
        gone = min(columns - 1, 1 + (row * 5) % max(columns - 1, 1))
        if on_left:
            mask[row, :gone] = 0
        else:
            mask[row, columns - gone :] = 0
    return mask
