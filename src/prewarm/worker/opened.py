"""Which files are opened, by whoever does. Changes with what systems tell.

Linux: inotify(7), a watch a file. Elsewhere: the time of last access, where a try shows that the file system keeps it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Protocol

_IN_OPEN, _IN_NONBLOCK, _IN_CLOEXEC = 0x20, 0o4000, 0o2000000
_HEAD = struct.Struct("iIII")
_READ_BYTES = 1 << 16
_DAYS_NS = 3 * 86_400 * 10**9
"""How far back a time of last access is put: file systems update one that is older than the last change, or a day."""


class _Way(Protocol):
    is_whole: bool

    def watch(self, path: Path) -> None: ...

    def seen(self) -> set[Path]: ...

    def close(self) -> None: ...


class Opened:
    """Watches files; use it as a context manager."""

    def __init__(self) -> None:
        self._way: _Way = Inotify() if sys.platform == "linux" else AccessTimes()
        self._lock = threading.Lock()

    @property
    def is_whole(self) -> bool:
        """Whether every file that was to be watched is; else nobody knows what was not opened."""
        return self._way.is_whole

    def watch(self, path: Path) -> None:
        """From now on, note whether ``path`` is opened."""
        with self._lock:
            self._way.watch(path)

    def seen(self) -> set[Path]:
        """Those that were opened so far."""
        with self._lock:
            return self._way.seen()

    def __enter__(self) -> Opened:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._way.close()


class Inotify:
    """The kernel's own word, on Linux."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._watcher = self._libc.inotify_init1(_IN_NONBLOCK | _IN_CLOEXEC)
        self._paths: dict[int, Path] = {}
        self._seen: set[Path] = set()
        self.is_whole = self._watcher >= 0

    def watch(self, path: Path) -> None:
        """From now on, note whether ``path`` is opened."""
        if self._watcher < 0:
            return
        watch = self._libc.inotify_add_watch(self._watcher, os.fsencode(path), _IN_OPEN)
        if watch < 0:
            self.is_whole = False
        else:
            self._paths[watch] = path

    def seen(self) -> set[Path]:
        """Those that were opened so far."""
        while self._watcher >= 0:
            try:
                events = os.read(self._watcher, _READ_BYTES)
            except BlockingIOError:
                break
            at = 0
            while at < len(events):
                watch, _, _, length = _HEAD.unpack_from(events, at)
                if watch in self._paths:
                    self._seen.add(self._paths[watch])
                else:
                    # The queue ran over.
                    self.is_whole = False
                at += _HEAD.size + length
        return set(self._seen)

    def close(self) -> None:
        """Watch no longer."""
        if self._watcher >= 0:
            os.close(self._watcher)
            self._watcher = -1


class AccessTimes:
    """The time of last access, put back to long ago before a file is given and looked at afterwards."""

    def __init__(self) -> None:
        self._before: dict[Path, tuple[int, int]] = {}
        """The time of last access that a file had, and the one that it was given; nanoseconds."""
        self._keeps: dict[int, bool] = {}
        """Whether a file system, by its device, keeps such times."""
        self.is_whole = True

    def watch(self, path: Path) -> None:
        """From now on, note whether ``path`` is opened."""
        try:
            found = path.stat()
            if found.st_dev not in self._keeps:
                self._keeps[found.st_dev] = _keeps_times(path.parent)
            if not self._keeps[found.st_dev]:
                self.is_whole = False
                return
            self._before[path] = found.st_atime_ns, _put_back(path)
        except OSError:
            self.is_whole = False

    def seen(self) -> set[Path]:
        """Those that were read so far."""
        found = set()
        for path, (_, given) in self._before.items():
            with contextlib.suppress(OSError):
                if path.stat().st_atime_ns != given:
                    found.add(path)
        return found

    def close(self) -> None:
        """Give the others the time that they had: what clears caches by age looks at it."""
        opened = self.seen()
        for path, (had, _) in self._before.items():
            if path not in opened:
                with contextlib.suppress(OSError):
                    os.utime(path, ns=(had, path.stat().st_mtime_ns))


def _put_back(path: Path) -> int:
    changed = path.stat().st_mtime_ns
    os.utime(path, ns=(changed - _DAYS_NS, changed))
    # As the file system keeps it, which may be in coarser steps.
    return path.stat().st_atime_ns


def _keeps_times(folder: Path) -> bool:
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".access-")
    path = Path(name)
    try:
        os.write(descriptor, b"a")
        os.close(descriptor)
        given = _put_back(path)
        is_quiet = path.stat().st_atime_ns == given
        path.read_bytes()
        return is_quiet and path.stat().st_atime_ns != given
    finally:
        path.unlink()
