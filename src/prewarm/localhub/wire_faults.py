"""Answers that no well-meant server gives: heads and bodies without an end, and bombs. Standard library only."""

from __future__ import annotations

import time
import zlib
from io import BufferedIOBase

from prewarm.localhub.faults import Fault

_ZEROS = bytes(1 << 20)
_GZIP = 31


def misbehave(stream: BufferedIOBase, fault: Fault) -> bool:
    """Answer as the fault says, where it is one of these; gives whether it is.

    Raises:
        OSError: the client has gone, as it should.
    """
    if fault.kind == "trickle":
        _trickle(stream, fault.seconds)
    elif fault.kind == "endless":
        _endless(stream)
    elif fault.kind == "bomb":
        _bomb(stream, fault.at_byte)
    else:
        return False
    return True


def _trickle(stream: BufferedIOBase, seconds: float) -> None:
    stream.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        stream.write(b"x")
        stream.flush()
        time.sleep(seconds)


def _endless(stream: BufferedIOBase) -> None:
    stream.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n[")
    while True:
        stream.write(b" " * (1 << 16))
        stream.flush()


def _bomb(stream: BufferedIOBase, size: int) -> None:
    # Written as it is compressed: all of it first takes seconds, and the client's time is up before a byte has come.
    stream.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
    )
    state = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    for _ in range(size // len(_ZEROS)):
        stream.write(state.compress(_ZEROS))
        stream.flush()
    stream.write(state.flush())
    stream.flush()
