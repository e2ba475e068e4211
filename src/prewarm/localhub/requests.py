"""The log of every request that the loopback Hub saw. Standard library only."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request, as it was answered."""

    origin: str
    """``hub`` or ``cdn``."""
    method: str
    path: str
    """Without the query."""
    query: str
    status: int
    bucket: str | None
    """The bucket that it was charged to; None for a free one."""
    authorized: bool
    """Whether it carried a token."""
    range: str | None
    user_agent: str
    sent_bytes: int = 0
    """Of the body, so far."""
    began_s: float = 0.0
    """When it was answered; seconds of a clock that only grows."""
    ended_s: float = 0.0
    """When the last bytes of the body were sent, so far."""


class RequestLog:
    """Every request, in the order of the answers; a client that has its answer finds it here."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[Request] = []

    def add(self, request: Request) -> int:
        """Append one request before its answer is sent, and return its place."""
        with self._lock:
            now = time.monotonic()
            self._requests.append(replace(request, began_s=now, ended_s=now))
            return len(self._requests) - 1

    def sent(self, place: int, count: int) -> None:
        """Count bytes of the body that are about to be sent."""
        with self._lock:
            if place < len(self._requests):
                request = self._requests[place]
                self._requests[place] = replace(
                    request, sent_bytes=request.sent_bytes + count, ended_s=time.monotonic()
                )

    def all(self, *, containing: str = "") -> list[Request]:
        """The requests so far whose path contains ``containing``."""
        with self._lock:
            return [request for request in self._requests if containing in request.path]

    def metered(self, *, containing: str = "") -> list[Request]:
        """Those that were charged to ``api`` or ``resolvers``."""
        return [request for request in self.all(containing=containing) if request.bucket in ("api", "resolvers")]

    def span_s(self) -> float:
        """Seconds from the first request to the last byte."""
        requests = self.all()
        return max(one.ended_s for one in requests) - min(one.began_s for one in requests) if requests else 0.0

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._requests.clear()
