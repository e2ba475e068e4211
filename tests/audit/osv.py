"""A server that answers as OSV does, on loopback. Changes with what pip-audit asks."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Known = Mapping[str, Mapping[str, Any]]


def advisory(package: str, fixed: str = "999.1") -> dict[str, Any]:
    """As OSV writes one down."""
    events = [{"introduced": "0"}, {"fixed": fixed}]
    affected = {
        "package": {"name": package, "ecosystem": "PyPI"},
        "ranges": [{"type": "ECOSYSTEM", "events": events}],
    }
    return {"id": "GHSA-aaaa-bbbb", "aliases": ["CVE-2026-1"], "summary": "it does too much", "affected": [affected]}


@contextmanager
def server(
    known: Known, *, status: int = 200, body: bytes | None = None, wait_s: float = 0.0
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Its address, and what it is asked.

    Args:
        known: package to its advisory.
        status: of each answer.
        body: of each answer, in the place of what is known.
        wait_s: seconds before each answer.
    """
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(said)
            time.sleep(wait_s)
            found = known.get(said["package"]["name"])
            content = body if body is not None else json.dumps({"vulns": [found]} if found else {}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            # Whoever asked may have been ended meanwhile.
            with suppress(BrokenPipeError):
                self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        serving.daemon_threads = True
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{serving.server_port}/v1/query", asked
        finally:
            serving.shutdown()
