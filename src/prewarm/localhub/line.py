"""One line that all connections share, as those of a site share its uplink. Standard library only."""

from __future__ import annotations

import threading
import time


class Line:
    """Lets bytes pass at a rate, whoever sends them.

    Args:
        bytes_per_s: of all together.
    """

    def __init__(self, bytes_per_s: float) -> None:
        self._bytes_per_s = bytes_per_s
        self._lock = threading.Lock()
        self._free_at = 0.0

    def pass_on(self, count: int) -> None:
        """Wait until so many bytes have passed."""
        with self._lock:
            begins = max(self._free_at, time.monotonic())
            self._free_at = begins + count / self._bytes_per_s
            until = self._free_at
        time.sleep(max(0.0, until - time.monotonic()))
