"""Where an artifact lies: it has its name when it is whole, and at no instant before. Changes with how that is kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Place:
    """The folder of an artifact, and those beside it while it is made.

    Whoever uses it holds off others: the names beside it are the same for all.

    Args:
        folder: its name.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._making = folder.with_name(f".{folder.name}.making")
        self._before = folder.with_name(f".{folder.name}.before")

    def tidy(self) -> None:
        """Remove what a run that was killed has left; what it had put aside is there again."""
        if self._before.is_dir() and not self.folder.exists():
            self._before.rename(self.folder)
        for left in (self._before, self._making):
            if left.exists():
                shutil.rmtree(left)

    @contextmanager
    def making(self) -> Iterator[Path]:
        """An empty folder that gets the name at the end; with an error it is removed.

        Raises:
            OSError: it cannot be made.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.tidy()
        self._making.mkdir()
        try:
            yield self._making
            _settle(self._making)
            if self.folder.exists():
                self.folder.rename(self._before)
            self._making.rename(self.folder)
            _sync(self.folder.parent)
        finally:
            self.tidy()


def _settle(folder: Path) -> None:
    """Onto the disk, or a crash keeps the name and loses the bytes."""
    for path in folder.rglob("*"):
        if path.is_file():
            _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
