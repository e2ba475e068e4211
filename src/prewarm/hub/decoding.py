"""The body of an answer that was compressed all the same, in memory that does not grow with it. Changes with encodings.

Nothing but the bytes as they are is asked for; proxies compress nevertheless. A small body may be made to fill any
memory when it is unpacked at once.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from prewarm.hub.transport_errors import Transient
from prewarm.records.errors import HubError
from prewarm.records.text import quoted

PIECE_BYTES = 1 << 18
_GZIP_OR_ZLIB = 47
_RAW = -15
_HINT = "a proxy or a mirror changes what is sent: look at HTTPS_PROXY and HF_ENDPOINT"


def decoded(pieces: Iterator[bytes], encoding: str, origin: str) -> Iterator[bytes]:
    """The content of a body.

    Args:
        pieces: as they arrive.
        encoding: what ``Content-Encoding`` says.
        origin: that sends them.

    Raises:
        Transient: it cannot be unpacked.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        yield from pieces
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise _broken(f"{origin} sends an encoding that was not asked for ({quoted(encoding, 40)})")
    state = zlib.decompressobj(_GZIP_OR_ZLIB)
    is_first = True
    try:
        for piece in pieces:
            rest = piece
            while rest:
                try:
                    unpacked = state.decompress(rest, PIECE_BYTES)
                except zlib.error:
                    if not is_first or encoding != "deflate":
                        raise
                    state = zlib.decompressobj(_RAW)
                    unpacked = state.decompress(rest, PIECE_BYTES)
                is_first = False
                if unpacked:
                    yield unpacked
                rest = state.unconsumed_tail
                if not unpacked and not rest:
                    break
    except zlib.error:
        raise _broken(f"{origin} sends what cannot be unpacked") from None
    if tail := state.flush():
        yield tail


def _broken(said: str) -> Transient:
    return Transient(said, HubError("corrupt", said, hint=_HINT))
