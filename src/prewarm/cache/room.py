"""What is still to come onto the cache's disk, and whether there is room for it. Changes with what takes room."""

from __future__ import annotations

import contextlib
import errno
import shutil
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from prewarm.cache import claims
from prewarm.cache.partial import JOURNALLED_BYTES
from prewarm.cache.place import size_on_disk, told_as_cache_error
from prewarm.records import units
from prewarm.records.errors import CacheError


@dataclass
class _Space:
    left: int
    """Bytes that have not been written yet."""
    holders: int
    """Entries that count on it."""


class Room:
    """Reserves room for files, from several threads.

    Args:
        root: the cache's folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._spaces: dict[Path, _Space] = {}

    def reserve(self, blobs: Mapping[Path, int]) -> None:
        """Make sure that there is room for ``blobs``, and for all that was reserved before and has not come yet.

        Raises:
            CacheError: ``no-space``, with how much is missing; or the cache's folder is none.
        """
        with self._lock, told_as_cache_error(self._root):
            if blobs and self._root.exists() and not self._root.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(self._root))
            needed = {
                blob: max(0, size - partial_bytes(blob)) if size >= JOURNALLED_BYTES else size
                for blob, size in blobs.items()
                if blob not in self._spaces
            }
            free = shutil.disk_usage(_existing(self._root)).free
            short = sum(space.left for space in self._spaces.values()) + sum(needed.values()) - free
            if short > 0:
                raise CacheError(
                    "no-space",
                    f"the disk of the cache ({self._root}) has {units.size(free)} free, {units.size(short)} too little",
                    hint="make room (prewarm clean, hf cache prune), or set HF_HOME to another disk",
                )
            for blob in blobs:
                space = self._spaces.setdefault(blob, _Space(left=needed.get(blob, 0), holders=0))
                space.holders += 1

    def release(self, blobs: Iterable[Path]) -> None:
        """An entry counts on it no more."""
        with self._lock:
            for blob in blobs:
                space = self._spaces.get(blob)
                if space is not None:
                    space.holders -= 1
                    if not space.holders:
                        del self._spaces[blob]

    def wrote(self, blob: Path, count: int) -> None:
        """So many bytes of it take room now; negative, where they take none any more."""
        with self._lock:
            if (space := self._spaces.get(blob)) is not None:
                space.left = max(0, space.left - count)


def partial_bytes(target: Path) -> int:
    """Bytes on the disk of partial files for ``target`` that nobody writes."""
    found = 0
    for path in claims.abandoned(target, is_alone=True):
        with contextlib.suppress(OSError):
            status = path.lstat()
            # Ranges that have not arrived are holes, which take no room.
            found = max(found, min(status.st_size, size_on_disk(status)))
    return found


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
