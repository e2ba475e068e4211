"""How many connections a run has, and who may use one. Changes with the way they are shared."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Lines:
    """A number of connections: one for every file that is fetched, and those that are idle for large ones.

    Args:
        count: how many.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._changed = threading.Condition()
        self._free = count
        self._waiting = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Wait for a line, and hold it."""
        with self._changed:
            self._waiting += 1
            while not self._free:
                self._changed.wait()
            self._waiting -= 1
            self._free -= 1
        try:
            yield
        finally:
            self.give_back()

    def take_idle(self) -> bool:
        """Take a line that nobody waits for; whoever took it gives it back."""
        with self._changed:
            if not self._free or self._waiting:
                return False
            self._free -= 1
            return True

    def is_wanted(self) -> bool:
        """Whether a file waits for a line: helpers of a large one give theirs back between two ranges."""
        with self._changed:
            return self._waiting > self._free

    def give_back(self) -> None:
        """Give a line back."""
        with self._changed:
            self._free += 1
            self._changed.notify()
