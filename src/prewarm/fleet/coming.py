"""A blob on its way to a node, which others read meanwhile. Changes with what may be read of it before it is whole."""

from __future__ import annotations

import hashlib
import threading
import time

from prewarm.fleet.host import Piece, Sink
from prewarm.records.errors import CacheError
from prewarm.records.ranges import Range


class Coming:
    """A blob that is on its way to this node: a sink that others read from meanwhile.

    Args:
        sink: what keeps it.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._digests: dict[Range, str] = {}
        self._changed = threading.Condition()
        self._is_over = False

    def missing(self) -> list[Range]:
        """The ranges that have not arrived."""
        return self._sink.missing()

    def write(self, offset: int, piece: bytes | memoryview) -> int:
        """Take bytes, and wake those up that wait for them."""
        count = self._sink.write(offset, piece)
        with self._changed:
            self._changed.notify_all()
        return count

    def read(self, offset: int, length: int) -> bytes:
        """Bytes that have arrived."""
        return self._sink.read(offset, length)

    def void(self) -> None:
        """Throw away what has arrived."""
        with self._changed:
            self._digests.clear()
            self._sink.void()

    def finish(self) -> None:
        """Give it its name; nobody reads it meanwhile."""
        with self._changed:
            self._sink.finish()
            self._is_over = True

    def end(self) -> None:
        """Nothing more comes; it has its name, or is nowhere."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def keep_digest(self, start: int, end: int, digest: str) -> None:
        """What a piece hashes to, so that it need not be hashed for each who asks."""
        with self._changed:
            self._digests[start, end] = digest

    def piece(self, start: int, end: int, until: float) -> Piece | None:
        """A range; without bytes where it has not come by then, and None where nothing more comes."""
        with self._changed:
            while not self._is_over and any(low < end and start < high for low, high in self._sink.missing()):
                if not self._changed.wait(max(0.0, until - time.monotonic())):
                    return None, ""
            if self._is_over:
                return None
            digest = self._digests.get((start, end))
        # Without the lock: what still comes is not held up by what is given.
        try:
            found = self._sink.read(start, end - start)
        except CacheError:
            return None
        return found, digest or sha256(found)


def sha256(piece: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(piece).hexdigest()
