"""Connections to a mirror: how many there may be, and which are closed to make room. Changes with who may hold one."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Any

from prewarm.wire.origin import Origin

SILENT_S = 60.0
"""How long a client may send or take nothing."""
CONNECTIONS_MAX = 512
_ASKING_S = SILENT_S + 30.0
"""How long a client may take from one answer to the end of its next request."""
_CLOSING_S = 1.0
"""How long a connection may take to end that is closed."""
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
OWN = threading.local()
"""``request``: the connection that a thread serves; of TLS the one below it."""


class Connections(Origin):
    """A port, and room for so many connections; ``hub`` is the mirror's server."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._room = threading.BoundedSemaphore(CONNECTIONS_MAX)
        self._waiting: dict[Any, float] = {}
        """Connections by which nothing is asked at the moment, the longest first."""
        self._looking = threading.Lock()
        super().__init__(*args, **kwargs)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own, where there is room, or where some can be made."""
        if not self._room.acquire(blocking=False):
            # Nobody waits for those that say nothing, or little; least of all who watches whether it works.
            self.hub.counts.turned_away()
            self._close_one()
            if not self._room.acquire(timeout=_CLOSING_S):
                with suppress(OSError):
                    request.sendall(_FULL if self.tls is None else b"")
                self.shutdown_request(request)
                return
        self.hub.counts.connected(1)
        self.waits(request)
        super().process_request(request, client_address)

    def waits(self, request: Any) -> None:
        """Nothing is asked by a connection from now on."""
        with self._looking:
            self._waiting[request] = time.monotonic()

    def answers(self, request: Any) -> None:
        """A whole request has come by it."""
        with self._looking:
            self._waiting.pop(request, None)

    def service_actions(self) -> None:
        """Close what has asked nothing for too long, however it has passed the time."""
        with self._looking:
            late = [one for one, since in self._waiting.items() if time.monotonic() - since > _ASKING_S]
        for request in late:
            self._cut(request)

    def _close_one(self) -> None:
        with self._looking:
            request = next(iter(self._waiting), None)
        if request is not None:
            self._cut(request)

    def _cut(self, request: Any) -> None:
        self.answers(request)
        with suppress(OSError):
            request.shutdown(socket.SHUT_RDWR)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve it."""
        # A handshake that does not come holds a thread as well.
        request.settimeout(SILENT_S)
        OWN.request = request
        super().finish_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve it, and give its room back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.answers(request)
            self.hub.counts.connected(-1)
            self._room.release()
