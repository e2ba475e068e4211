"""When work has to end: the run's word, or one entry's. Changes with what can be stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prewarm.records.errors import Interrupted

_POLL_S = 0.1


class Stop:
    """Is set once, for good; from any thread.

    Args:
        parent: where it is set, this one is as well.
    """

    __slots__ = ("_closers", "_event", "_is_set", "_lock", "_parent")

    def __init__(self, parent: Stop | None = None) -> None:
        self._parent = parent
        self._is_set = False
        # There is one for every entry: those share the run's event.
        self._event: threading.Event = parent._event if parent else threading.Event()  # noqa: SLF001 (its own kind)
        self._lock: threading.Lock = parent._lock if parent else threading.Lock()  # noqa: SLF001
        self._closers: set[Callable[[], None]] = set()

    def set(self) -> None:
        """End the work, and what blocks in it."""
        self._is_set = True
        if self._parent is None:
            self._event.set()
        with self._lock:
            closers = list(self._closers)
        for close in closers:
            close()

    def is_set(self) -> bool:
        """Whether the work has to end."""
        return self._is_set or (self._parent is not None and self._parent.is_set())

    def wait(self, seconds: float) -> None:
        """Sleep, and not much longer than until it is set."""
        until = time.monotonic() + seconds
        while not self.is_set() and (left := until - time.monotonic()) > 0:
            self._event.wait(left if self._parent is None else min(left, _POLL_S))

    def check(self) -> None:
        """Go on, or not.

        Raises:
            Interrupted: it is set.
        """
        if self.is_set():
            raise Interrupted

    @contextmanager
    def closing(self, close: Callable[[], None]) -> Iterator[None]:
        """Let ``close`` be called where it is set meanwhile: it wakes what waits in the system, such as for a socket.

        Args:
            close: is called from the thread that sets it, and does not raise.
        """
        with self._lock:
            self._hold(close)
        try:
            if self.is_set():
                close()
            yield
        finally:
            with self._lock:
                self._let_go(close)

    def _hold(self, close: Callable[[], None]) -> None:
        self._closers.add(close)
        if self._parent is not None:
            self._parent._hold(close)  # noqa: SLF001

    def _let_go(self, close: Callable[[], None]) -> None:
        self._closers.discard(close)
        if self._parent is not None:
            self._parent._let_go(close)  # noqa: SLF001
