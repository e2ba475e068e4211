"""Which files a block opens, as the kernel sees it (inotify(7)). Linux."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_IN_OPEN, _IN_NONBLOCK = 0x20, 0o4000
_HEAD = struct.Struct("iIII")


@contextmanager
def opened(paths: Iterable[Path]) -> Iterator[set[Path]]:
    """The set is filled when the block ends; ``paths`` are watched, whoever opens them."""
    libc = ctypes.CDLL(None, use_errno=True)
    watcher = libc.inotify_init1(_IN_NONBLOCK)
    assert watcher >= 0, os.strerror(ctypes.get_errno())
    watched = {libc.inotify_add_watch(watcher, bytes(path), _IN_OPEN): path for path in paths}
    assert -1 not in watched, os.strerror(ctypes.get_errno())
    found: set[Path] = set()
    try:
        yield found
        while True:
            try:
                events = os.read(watcher, 1 << 16)
            except BlockingIOError:
                break
            at = 0
            while at < len(events):
                watch, _, _, length = _HEAD.unpack_from(events, at)
                found.add(watched[watch])
                at += _HEAD.size + length
    finally:
        os.close(watcher)
