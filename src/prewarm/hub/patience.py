"""How long an answer is waited for, and how slowly it may come. Changes with what servers do to those who wait.

A time-out of the socket is no such limit: a server that sends a byte a second never meets it. And nothing that blocks
in the system sees that the work has to end: what asks does so in a thread of its own, and who waits leaves it behind.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from prewarm.flow.stop import Stop
from prewarm.hub import transport_errors
from prewarm.hub.reach import Reach
from prewarm.records.speed import ORDINARY, Speed

_POLL_S = 0.05
_NEVER_S = 86_400.0

Result = TypeVar("Result")
Piece = TypeVar("Piece", bytes, memoryview)


@dataclass(frozen=True, kw_only=True)
class Patience:
    """The limits of one request."""

    stop: Stop = field(default_factory=Stop)
    """Ends the waiting."""
    least: Speed = ORDINARY
    reach: Reach = field(default_factory=Reach)

    def until(self, stop: Stop) -> Patience:
        """The same, ended by ``stop``."""
        return replace(self, stop=stop)

    def answer(
        self, origin: str, ask: Callable[[], Result], *, late: Callable[[Result], None], abandon: Callable[[], None]
    ) -> Result:
        """What ``ask`` gives: it sends a request, and waits for the head of its answer.

        Args:
            origin: that is asked.
            ask: is called in a thread of its own.
            late: is given what comes when nobody waits any more.
            abandon: wakes ``ask`` where it can.

        Raises:
            Transient: the head does not come in time, or the origin was given up a moment ago; or what ``ask`` raises.
            Interrupted: it was stopped.
        """
        self.stop.check()
        self.reach.check(origin)
        asking = _Asking(ask, late)
        threading.Thread(target=asking.run, name="ask", daemon=True).start()
        limit_s = self.least.window_s if self.least.bytes_per_s else _NEVER_S
        until = time.monotonic() + limit_s
        while not asking.is_done.wait(_POLL_S):
            if self.stop.is_set() or time.monotonic() > until:
                if asking.leave():
                    abandon()
                    self.stop.check()
                    raise transport_errors.too_slow(origin, self.least, lost_origin=origin)
                break
        found: Result = asking.result()
        self.reach.found(origin)
        return found

    def flowing(self, origin: str, pieces: Iterator[Piece], wake: Callable[[], None]) -> Iterator[Piece]:
        """``pieces`` of a body, as long as they come fast enough.

        Args:
            origin: that sends them.
            pieces: of the body.
            wake: ends waiting for the next one.

        Raises:
            Transient: they come too slowly.
            Interrupted: it was stopped.
        """
        waited_s, count = 0.0, 0
        with self.stop.closing(wake):
            while True:
                began = time.monotonic()
                try:
                    piece = next(pieces, None)
                except BaseException:
                    # Woken: the broken connection is our own doing.
                    self.stop.check()
                    raise
                self.stop.check()
                if piece is None:
                    return
                # What the disk takes for the last piece is not the origin's time.
                waited_s += time.monotonic() - began
                count += len(piece)
                if waited_s >= self.least.window_s:
                    if count < self.least.bytes:
                        raise transport_errors.too_slow(origin, self.least)
                    waited_s, count = 0.0, 0
                yield piece


class _Asking:
    """A request on its way, and whether somebody still waits for its answer."""

    def __init__(self, ask: Callable[[], Any], late: Callable[[Any], None]) -> None:
        self._ask = ask
        self._late = late
        self._lock = threading.Lock()
        self._is_left = False
        self._found: Any = None
        self._error: BaseException | None = None
        self.is_done = threading.Event()

    def run(self) -> None:
        found, error = None, None
        try:
            found = self._ask()
        except BaseException as failed:  # noqa: BLE001 (raised again where it is waited for)
            error = failed
        with self._lock:
            self._found, self._error = found, error
            self.is_done.set()
            is_late = self._is_left and error is None
        if is_late:
            self._late(found)

    def leave(self) -> bool:
        """Wait no more; gives whether there was no answer yet."""
        with self._lock:
            self._is_left = not self.is_done.is_set()
            return self._is_left

    def result(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._found


def shut(connection: socket.socket | None) -> None:
    """Wake whoever waits for ``connection``, in any thread; who owns it closes it."""
    if connection is not None:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except (OSError, ValueError):
            return
