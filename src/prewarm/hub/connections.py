"""How many connections a run has, and who may use one. Changes with the way they are shared."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prewarm.flow.stop import Stop

_POLL_S = 0.2


class Connections:
    """A number of connections: one for every file that is fetched, and those that are idle for large ones.

    Small files go before large ones, also between two ranges of a large one: what they say decides what follows.

    Args:
        count: how many.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._changed = threading.Condition()
        self._free = count
        self._waiting = {True: 0, False: 0}

    @contextmanager
    def one(self, stop: Stop, *, is_small: bool) -> Iterator[None]:
        """Wait for a connection, and hold it.

        Raises:
            Interrupted: it was stopped before there was one.
        """
        self._take(stop, is_small=is_small)
        try:
            yield
        finally:
            self.give_back()

    def step_aside(self, stop: Stop) -> None:
        """Let small files go first that wait; the caller holds a connection, before and afterwards."""
        with self._changed:
            if self._waiting[True] <= self._free:
                return
        self.give_back()
        try:
            self._take(stop, is_small=False)
        except BaseException:
            # The caller will give it back: without one it counts as taken.
            with self._changed:
                self._free -= 1
            raise

    def take_idle(self) -> bool:
        """Take a connection that nobody waits for; whoever took it gives it back."""
        with self._changed:
            if not self._free or any(self._waiting.values()):
                return False
            self._free -= 1
            return True

    def is_wanted(self) -> bool:
        """Whether a file waits for a connection: helpers of a large one give theirs back between two ranges."""
        with self._changed:
            return sum(self._waiting.values()) > self._free

    def give_back(self) -> None:
        """Give a connection back."""
        with self._changed:
            self._free += 1
            self._changed.notify_all()

    def _take(self, stop: Stop, *, is_small: bool) -> None:
        with self._changed:
            self._waiting[is_small] += 1
            try:
                while self._free <= (0 if is_small else self._waiting[True]):
                    stop.check()
                    self._changed.wait(_POLL_S)
                self._free -= 1
            finally:
                self._waiting[is_small] -= 1
                self._changed.notify_all()
