"""Fewer and larger pieces of a body that arrives. Changes with what a piece costs on its way."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prewarm.hub.transport_errors import Transient

GATHERED_BYTES = 1 << 19
GATHERED_S = 0.1


def gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Fewer and larger pieces, none later than a moment; what arrived before an error comes before it."""
    held: list[bytes] = []
    size, since = 0, time.monotonic()
    error: Transient | None = None
    try:
        for piece in pieces:
            held.append(piece)
            size += len(piece)
            if size >= GATHERED_BYTES or time.monotonic() - since > GATHERED_S:
                yield b"".join(held)
                held, size, since = [], 0, time.monotonic()
    except Transient as broken:
        error = broken
    if held:
        yield b"".join(held)
    if error is not None:
        raise error
