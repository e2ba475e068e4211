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


def read_at(descriptor: int, view: memoryview, offset: int) -> int:
    """Read from ``offset`` into ``view``; gives how many bytes there were."""
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [view], offset)
    with _SEEKING:
        os.lseek(descriptor, offset, os.SEEK_SET)
        piece = os.read(descriptor, len(view))
    view[: len(piece)] = piece
    return len(piece)
