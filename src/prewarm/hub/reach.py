"""Which origins do not answer: what one request has found out, the others need not. Changes with what they share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from prewarm.hub.transport_errors import Transient

REMEMBERED_S = 30.0
"""How long nobody asks an origin that was given up; then one request looks again."""


class Reach:
    """The origins that were given up, try after try, in this run.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._lost: dict[str, tuple[float, Transient]] = {}

    def check(self, origin: str) -> None:
        """Return where ``origin`` may be asked.

        Raises:
            Transient: it was given up a moment ago; the error says how.
        """
        with self._lock:
            since, error = self._lost.get(origin, (0.0, None))
            if error is None:
                return
            if self._clock() - since >= REMEMBERED_S:
                # One looks whether it is back; the others go by what that finds.
                self._lost[origin] = (self._clock(), error)
                return
        raise Transient(error.reason, error.error, lost_origin=origin)

    def is_lost(self, origin: str) -> bool:
        """Whether ``origin`` was given up, and has not answered since."""
        with self._lock:
            return origin in self._lost

    def lose(self, error: Transient) -> None:
        """Give up the origin that ``error`` names."""
        if error.lost_origin:
            with self._lock:
                self._lost[error.lost_origin] = (self._clock(), error)

    def found(self, origin: str) -> None:
        """It answers."""
        if self._lost:
            with self._lock:
                self._lost.pop(origin, None)
