"""What of a file is left to fetch, handed out in ranges to its connections. Changes with how large they are.

Every connection takes an equal range, then an equal one of what is left, and so on: those of one speed end together
after few requests, and a slow one is left behind by little. Ranges are handed out in order, so that hashing can follow.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

from prewarm.records.ranges import Range, total

RANGE_MIN_BYTES = 1 << 19
RANGE_MAX_BYTES = 32 << 20
ALONE_BYTES = 8 << 20
_BATCH = 7 / 8
"""What part of the rest is handed out in ranges of one size."""


@dataclass
class Share:
    """What is left of a range; grows smaller as bytes arrive, so that a retry goes on where it broke."""

    start: int
    end: int


class Shares:
    """The ranges of one file that nobody has taken yet.

    Args:
        is_divided: whether several connections may work at it.
    """

    def __init__(self, *, is_divided: bool) -> None:
        self._lock = threading.Lock()
        self._todo: list[Range] = []
        self._size = self._left_of_batch = 0
        self._is_divided = is_divided

    @property
    def is_divided(self) -> bool:
        """Whether several connections may work at it."""
        return self._is_divided

    def put(self, missing: list[Range]) -> None:
        """Begin with these ranges."""
        with self._lock:
            self._todo = list(missing)
            self._size = self._left_of_batch = 0

    def take(self, hands: int, most: int = RANGE_MAX_BYTES) -> Share | None:
        """The next range; None where none is left.

        Args:
            hands: connections that can be counted on for this file.
            most: bytes that it may have.
        """
        with self._lock:
            if not self._todo:
                return None
            start, end = self._todo.pop(0)
            if self._is_divided:
                size = min(most, self._next_size(end - start + total(self._todo), hands))
                if start + size < end:
                    self._todo.insert(0, (start + size, end))
                    end = start + size
            return Share(start, end)

    def undivide(self) -> None:
        """From now on one connection takes all: there are no ranges to be had."""
        with self._lock:
            self._is_divided = False

    def take_rest(self, share: Share) -> None:
        """One connection gets all that nobody has taken: there will be no other."""
        with self._lock:
            self._is_divided = False
            share.end = max([share.end, *(end for _, end in self._todo)])
            self._todo = []

    def has_more(self) -> bool:
        """Whether there is something to take for one more connection."""
        with self._lock:
            return bool(self._todo) and self._is_divided

    def _next_size(self, left: int, hands: int) -> int:
        if hands == 1:
            # Nobody can help now: few requests, and something is left for those who can later.
            self._left_of_batch = 0
            return ALONE_BYTES
        if not self._left_of_batch:
            self._left_of_batch = hands
            self._size = max(RANGE_MIN_BYTES, min(RANGE_MAX_BYTES, math.ceil(left * _BATCH / hands)))
        self._left_of_batch -= 1
        return self._size
