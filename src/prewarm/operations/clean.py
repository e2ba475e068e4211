"""Removes what interrupted downloads have left in the cache. Changes with what is left."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prewarm.cache import leftovers
from prewarm.cache.leftovers import Leftover
from prewarm.hub.configuration import cache_root
from prewarm.worker import temporary


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """One leftover, and what became of it."""

    leftover: Leftover
    root: Path
    """The cache's folder."""
    is_free: bool
    """Whether nobody uses it: it is removed, or would be."""


def clean(*, dry_run: bool) -> Iterator[Cleaned]:
    """Remove partial files of dead runs, prewarm's and huggingface_hub's, and say of each what was done."""
    root = cache_root()
    for leftover in leftovers.find(root):
        is_free = not leftover.is_used and (dry_run or leftovers.remove(root, leftover))
        yield Cleaned(leftover=leftover, root=root, is_free=is_free)
    for folder in temporary.dead():
        size = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
        if not dry_run:
            shutil.rmtree(folder, ignore_errors=True)
        left = Leftover(path=folder, size=size, is_resumable=False, is_used=False, whose="prewarm, a run's folder")
        yield Cleaned(leftover=left, root=root, is_free=dry_run or not folder.exists())
