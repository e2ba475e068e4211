"""Which files are opened, by whoever does, as the kernel sees it. Changes with what systems tell.

Linux: inotify(7), a watch a file.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import threading
from pathlib import Path
from types import TracebackType

_IN_OPEN, _IN_NONBLOCK, _IN_CLOEXEC = 0x20, 0o4000, 0o2000000
_HEAD = struct.Struct("iIII")
_READ_BYTES = 1 << 16


class Opened:
    """Watches files; use it as a context manager."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
        self._watcher = self._libc.inotify_init1(_IN_NONBLOCK | _IN_CLOEXEC) if self._libc is not None else -1
        self._paths: dict[int, Path] = {}
        self._seen: set[Path] = set()
        self._is_whole = self._watcher >= 0
        self._lock = threading.Lock()

    @property
    def is_whole(self) -> bool:
        """Whether every file that was to be watched is; else nobody knows what was not opened."""
        return self._is_whole

    def watch(self, path: Path) -> None:
        """From now on, note whether ``path`` is opened."""
        with self._lock:
            if self._libc is None or self._watcher < 0:
                return
            watch = self._libc.inotify_add_watch(self._watcher, os.fsencode(path), _IN_OPEN)
            if watch < 0:
                self._is_whole = False
            else:
                self._paths[watch] = path

    def seen(self) -> set[Path]:
        """Those that were opened so far."""
        with self._lock:
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
                        self._is_whole = False
                    at += _HEAD.size + length
            return set(self._seen)

    def __enter__(self) -> Opened:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watcher >= 0:
            os.close(self._watcher)
            self._watcher = -1
