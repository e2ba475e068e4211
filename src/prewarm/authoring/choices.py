"""Files of a repository that are each a whole model, as quantisations are. Changes with how these are named."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from prewarm.records.listing import Listing

_SHARD = re.compile(r"-\d{5}-of-\d{5}")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of several files that are each a whole model."""

    glob: str
    bytes: int


def choices_of(listing: Listing, pattern: str) -> tuple[Choice, ...]:
    """The files that match, the parts of one together, the smallest first."""
    sizes: dict[str, int] = {}
    for file in listing.files:
        if re.fullmatch(pattern, file.path) and "mmproj" not in file.path:
            glob = _SHARD.sub("-*-of-*", file.path)
            sizes[glob] = sizes.get(glob, 0) + file.size
    return tuple(Choice(glob=glob, bytes=size) for glob, size in sorted(sizes.items(), key=lambda one: one[1]))


def middle(choices: Collection[Choice]) -> Choice:
    """What most people take: four bits for GGUF, the plain graph for ONNX; else the smallest."""
    for wanted in ("q4_k_m", "q4_0", "/model.onnx", "model.onnx"):
        for one in choices:
            if wanted in one.glob.lower():
                return one
    return next(iter(choices))
