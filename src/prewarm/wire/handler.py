"""How a request reaches who answers it. Changes with the methods that clients use."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP 1.1, over connections that stay open; every method is answered by ``answer``."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def answer(self) -> None:
        """Answer the request that was read."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """As ``answer``."""
        self.answer()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_GET  # noqa: N815

    def handle_expect_100(self) -> bool:
        """Say at once that the body may come: the client waits for it."""
        go_on = super().handle_expect_100()
        self.wfile.flush()
        return go_on

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged here: who answers keeps a log, or a report."""
