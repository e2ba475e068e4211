"""When work has to end: the run's word, or one entry's. Changes with what can be stopped."""

from __future__ import annotations

import threading
import weakref

from prewarm.records.errors import Interrupted


class Stop:
    """Is set once, for good; from any thread.

    Args:
        parent: sets this one as well when it is set.
    """

    def __init__(self, parent: Stop | None = None) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._children: weakref.WeakSet[Stop] = weakref.WeakSet()
        if parent is not None:
            parent.adopt(self)

    def set(self) -> None:
        """End the work."""
        with self._lock:
            self._event.set()
            children = list(self._children)
        for child in children:
            child.set()

    def is_set(self) -> bool:
        """Whether the work has to end."""
        return self._event.is_set()

    def wait(self, seconds: float) -> None:
        """Sleep, and no longer than until it is set."""
        self._event.wait(seconds)

    def check(self) -> None:
        """Go on, or not.

        Raises:
            Interrupted: it is set.
        """
        if self.is_set():
            raise Interrupted

    def adopt(self, child: Stop) -> None:
        """Set ``child`` as well when this one is set."""
        with self._lock:
            self._children.add(child)
            is_set = self._event.is_set()
        if is_set:
            child.set()
