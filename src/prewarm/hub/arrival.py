"""What has arrived of one file, and what it has cost. Changes with what is counted."""

from __future__ import annotations

import threading
from collections.abc import Callable

from prewarm.flow.ports import Sink
from prewarm.records.plan import Fetched


class Arrival:
    """Counts for several threads.

    Args:
        sink: takes the bytes.
        received: is told the new bytes of every piece, negative ones where they are void.
    """

    def __init__(self, sink: Sink, received: Callable[[int], None]) -> None:
        self._sink = sink
        self._received = received
        self._lock = threading.Lock()
        self._arrived = 0
        self.spent = Fetched()

    def take(self, offset: int, piece: bytes | memoryview) -> int:
        """Take bytes that start at ``offset``; gives how many of them are new.

        Raises:
            CacheError: they cannot be written.
        """
        new = self._sink.write(offset, piece)
        self.count(new)
        with self._lock:
            self.spent += Fetched(bytes=len(piece))
        return new

    def count(self, new: int) -> None:
        """So many bytes are there that were not."""
        with self._lock:
            self._arrived += new
        self._received(new)

    def void(self) -> None:
        """Throw away what has arrived."""
        self._sink.void()
        with self._lock:
            arrived, self._arrived = self._arrived, 0
        self._received(-arrived)

    def spend(self, requests: int) -> None:
        """So many metered requests were sent."""
        with self._lock:
            self.spent += Fetched(requests=requests)
