"""Where an artifact lies: it has its name when it is whole, and at no instant before. Changes with how that is kept."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Place:
    """The folder of an artifact, and those beside it while it is made.

    Whoever uses it holds off others: the names beside it are the same for all.

    Args:
        folder: its name.
    """

    def __init__(self, folder: Path) -> None:
        # What a link leads to is written; the link stays.
        self.folder = folder.resolve()
        self._making = self.folder.with_name(f".{self.folder.name}.making")
        self._before = self.folder.with_name(f".{self.folder.name}.before")

    def tidy(self) -> None:
        """Remove what a run that was killed has left; what it had put aside is there again.

        Raises:
            BlockingIOError: it was not killed, and makes the artifact now.
            OSError: it cannot be removed.
        """
        if self._making.is_dir():
            with _held(self._making):
                pass
        if self._before.is_dir() and not self.folder.exists():
            self._before.rename(self.folder)
        for left in (self._before, self._making):
            _remove(left)

    @contextmanager
    def making(self) -> Iterator[Path]:
        """An empty folder that gets the name at the end; with an error it is removed.

        Raises:
            BlockingIOError: another run makes it.
            OSError: it cannot be made.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.tidy()
        self._making.mkdir()
        try:
            with _held(self._making):
                yield self._making
                _settle(self._making)
                if self.folder.exists():
                    self.folder.rename(self._before)
                self._making.rename(self.folder)
                _sync(self.folder.parent)
        except BaseException:
            self.tidy()
            raise
        # It is there: what cannot be removed now is removed by the next run.
        with suppress(OSError):
            self.tidy()


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Held by this process: runs with another home have other locks, and see this one.

    Raises:
        BlockingIOError: another process holds it.
    """
    try:
        import fcntl  # noqa: PLC0415 (not on Windows)
    except ImportError:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(errno.EWOULDBLOCK, "another run makes it", str(folder)) from None
        except OSError:
            # A file system without locks.
            pass
        yield
    finally:
        os.close(descriptor)


def _remove(folder: Path) -> None:
    """Remove a folder, also where it has lost the right to be written to."""
    if not folder.exists():
        return
    for place in (folder, *folder.rglob("*")):
        if place.is_dir() and not os.access(place, os.W_OK):
            place.chmod(0o700)
    shutil.rmtree(folder)


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
