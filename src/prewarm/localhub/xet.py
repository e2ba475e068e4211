"""A small content-addressed store, as the Hub keeps large files in: tokens, reconstructions, xorbs.

Standard library only.
The protocol is published at huggingface.co/docs/xet. Files lie in xorbs of 64 KiB chunks, not compressed, made up when
they are read. Hashes of files and xorbs are made up as well: clients do not verify them (seen with hf_xet 1.8).
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any

from prewarm.localhub.repository import StoredFile

CHUNK_BYTES = 1 << 16
XORB_CHUNKS = 256
HEADER_BYTES = 8
TOKEN = "xet-token-of-the-loopback-hub"  # noqa: S105 (it opens nothing)
LIFETIME_S = 3600


@dataclass(frozen=True)
class Xorb:
    """Up to XORB_CHUNKS chunks of one file, each behind its header."""

    file: StoredFile
    first: int
    """The first byte of the file that is in it."""
    path: str
    """The resolver of the file, for faults."""

    @property
    def content_bytes(self) -> int:
        """Bytes of the file that are in it."""
        return min(XORB_CHUNKS * CHUNK_BYTES, self.file.size - self.first)

    @property
    def size(self) -> int:
        """Bytes with the chunks' headers."""
        return self.content_bytes + HEADER_BYTES * _chunks(self.content_bytes)

    def read(self, start: int, length: int) -> bytes:
        """``length`` bytes from ``start``."""
        step = CHUNK_BYTES + HEADER_BYTES
        first, last = start // step, -(-(start + length) // step)
        made = b"".join(self._chunk(number) for number in range(first, min(last, _chunks(self.content_bytes))))
        return made[start - first * step :][:length]

    def _chunk(self, number: int) -> bytes:
        at = number * CHUNK_BYTES
        content = self.file.read(self.first + at, min(CHUNK_BYTES, self.content_bytes - at))
        size = len(content).to_bytes(3, "little")
        # Version 0, size as stored, no compression, size of the content.
        return b"\0" + size + b"\0" + size + content


class XetStore:
    """The files that were asked for, by their made-up hashes."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[StoredFile, str]] = {}
        self._xorbs: dict[str, Xorb] = {}

    def hash_of(self, file: StoredFile, path: str) -> str:
        """The hash under which ``file`` can be asked for; ``path`` is its resolver's."""
        made = hashlib.sha256(f"xet {file.sha256}".encode()).hexdigest()
        self._files[made] = (file, path)
        return made

    def token(self, url: str) -> dict[str, Any]:
        """What a read token's route answers; ``url`` is the store's."""
        return {"accessToken": TOKEN, "exp": int(time.time()) + LIFETIME_S, "casUrl": url}

    def reconstruction(self, file_hash: str, wanted: tuple[int, int], url: str) -> dict[str, Any] | None:
        """How the bytes of ``wanted`` are made of xorbs (version 1 of the API), or None for an unknown file."""
        if file_hash not in self._files:
            return None
        file, path = self._files[file_hash]
        start, end = wanted[0], min(wanted[1], file.size)
        span = XORB_CHUNKS * CHUNK_BYTES
        terms, fetch = [], {}
        for number in range(start // span, -(-end // span)):
            xorb = Xorb(file, number * span, path)
            made = hashlib.sha256(f"xorb {file_hash} {number}".encode()).hexdigest()
            self._xorbs[made] = xorb
            first = max(0, start - xorb.first) // CHUNK_BYTES
            last = _chunks(min(end - xorb.first, xorb.content_bytes))
            chunks = {"start": first, "end": last}
            unpacked = min(last * CHUNK_BYTES, xorb.content_bytes) - first * CHUNK_BYTES
            step = CHUNK_BYTES + HEADER_BYTES
            stored = {"start": first * step, "end": min(last * step, xorb.size) - 1}
            terms.append({"hash": made, "unpacked_length": unpacked, "range": chunks})
            fetch[made] = [{"range": chunks, "url": f"{url}/xorbs/{made}", "url_range": stored}]
        return {"offset_into_first_range": start % CHUNK_BYTES, "terms": terms, "fetch_info": fetch}

    def xorb(self, xorb_hash: str) -> Xorb | None:
        """A xorb that a reconstruction has named."""
        return self._xorbs.get(xorb_hash)

    def size_of(self, file_hash: str) -> int:
        """Bytes of a file."""
        return self._files[file_hash][0].size if file_hash in self._files else 0


def _chunks(count: int) -> int:
    return -(-count // CHUNK_BYTES)
