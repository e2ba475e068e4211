"""One port that answers, and the connections that are open on it. Changes with how sockets are served."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Origin(ThreadingHTTPServer):
    """Answers on one port.

    Args:
        hub: what the handler asks.
        origin: ``hub`` or ``cdn``.
        port: 0: a free one.
        handler: of its requests.
        listening: a socket that listens already, in the place of a port.
        host: the address that it listens at.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        hub: Any,
        origin: str,
        port: int,
        handler: type[BaseHTTPRequestHandler],
        *,
        listening: socket.socket | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.hub = hub
        self.origin = origin
        self.tls: ssl.SSLContext | None = None
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), handler, bind_and_activate=listening is None)
        if listening is not None:
            self.socket.close()
            self.socket = listening
            self.server_address = listening.getsockname()[:2]
            self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Speak TLS where that is wanted."""
        # In the connection's own thread: a handshake that fails or takes its time holds up nobody else.
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        with suppress(OSError), self.tls.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def get_request(self) -> tuple[Any, Any]:
        """Remember the connection."""
        connection, address = super().get_request()
        with self._open_lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def cut_all(self) -> None:
        """Cut every connection."""
        with self._open_lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""
