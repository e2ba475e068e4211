"""How many connections a run has, and who may use one. Changes with the way they are shared."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prewarm.flow.stop import Stop

_POLL_S = 0.2


class Connections:
    """A number of connections: one for every file that is fetched, and those that are idle for large ones.

    Args:
        count: how many.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._changed = threading.Condition()
        self._free = count
        self._waiting = 0

    @contextmanager
    def one(self, stop: Stop) -> Iterator[None]:
        """Wait for a connection, and hold it.

        Raises:
            Interrupted: it was stopped before there was one.
        """
        with self._changed:
            self._waiting += 1
            try:
                while not self._free:
                    stop.check()
                    self._changed.wait(_POLL_S)
                self._free -= 1
            finally:
                self._waiting -= 1
        try:
            yield
        finally:
            self.give_back()

    def take_idle(self) -> bool:
        """Take a connection that nobody waits for; whoever took it gives it back."""
        with self._changed:
            if not self._free or self._waiting:
                return False
            self._free -= 1
            return True

    def hands(self, helping: int) -> int:
        """How many connections a file can count on, now or soon, of which ``helping`` help at it already."""
        with self._changed:
            return 1 + helping if self._waiting else self._count

    def is_wanted(self) -> bool:
        """Whether a file waits for a connection: helpers of a large one give theirs back between two ranges."""
        with self._changed:
            return self._waiting > self._free

    def give_back(self) -> None:
        """Give a connection back."""
        with self._changed:
            self._free += 1
            self._changed.notify()
