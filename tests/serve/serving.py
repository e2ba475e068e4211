"""The server of the real model, in a process of its own, and what it is asked with."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from served import MINILM


class Server:
    """One that answers."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    def ask(
        self, path: str, body: Any = None, *, method: str | None = None, key: str = ""
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, body and headers; a body that is no bytes is sent as JSON."""
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        request = urllib.request.Request(self.url + path, data=sent, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                status, read, told = reply.status, reply.read(), dict(reply.headers)
        except urllib.error.HTTPError as error:
            status, read, told = error.code, error.read(), dict(error.headers)
        return status, json.loads(read) if "json" in told.get("content-type", "") else read.decode(), told

    def embed(self, given: Any, **more: Any) -> Any:
        """The answer for an input."""
        status, said, _ = self.ask("/v1/embeddings", {"input": given, "model": MINILM, **more})
        assert status == 200, said
        return said

    def vectors(self, given: Any, **more: Any) -> Any:
        """Its vectors."""
        return np.array([one["embedding"] for one in self.embed(given, **more)["data"]], dtype=np.float32)


@contextmanager
def serving(
    project: Path, *args: str, env: dict[str, str] | None = None, command: list[str] | None = None
) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = command or [sys.executable, "-m", "prewarm", "serve", "minilm"]
    process = subprocess.Popen(
        [*line, "--port", str(port), *args],
        cwd=project,
        env={**os.environ, "HF_HOME": str(project / "home"), **(env or {})},
        stderr=subprocess.PIPE,
        text=True,
    )
    server = Server(process, f"http://127.0.0.1:{port}")
    until = time.monotonic() + 60
    try:
        while True:
            assert process.poll() is None, process.communicate()
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
            except OSError:
                assert time.monotonic() < until
                time.sleep(0.05)
        yield server
    finally:
        process.kill()
        process.communicate()
