"""Reads and writes at a place of an open file, from several threads. Changes with what systems offer."""

from __future__ import annotations

import os
import threading

_SEEKING = threading.Lock()


def write_at(descriptor: int, piece: bytes | memoryview, offset: int) -> None:
    """Write all of ``piece``, which starts at ``offset``."""
    view = memoryview(piece)
    while view:
        if hasattr(os, "pwrite"):
            count = os.pwrite(descriptor, view, offset)
        else:
            with _SEEKING:
                os.lseek(descriptor, offset, os.SEEK_SET)
                count = os.write(descriptor, view)
        view, offset = view[count:], offset + count


def read_at(descriptor: int, count: int, offset: int) -> bytes:
    """Up to ``count`` bytes from ``offset``."""
    if hasattr(os, "pread"):
        return os.pread(descriptor, count, offset)
    with _SEEKING:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, count)
