"""The server that a child asks: a secret address, answers that wait for the engine, failures that end the child.

An engine's failure is never answered. A client that takes a file for optional goes on without it after an error, and
loads something else without a word; so the request is held, and whoever has started the child ends it.
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path
from types import TracebackType
from typing import cast

from prewarm.gateway.child_cache import ChildCache
from prewarm.gateway.routes import Routes
from prewarm.gateway.source import Source
from prewarm.records.libraries import HOMES
from prewarm.wire.answers import Answer, api_error, part
from prewarm.wire.handler import Handler
from prewarm.wire.origin import Origin
from prewarm.worker import network

_SIGN_OF_LIFE_S = 3.0
"""How often a client that waits is told so: it gives up after 10 s of silence, and asks again."""
_ASKED_AT_ONCE = 64
_BLOCK_BYTES = 1 << 18
_BODY_MAX_BYTES = 1 << 20
ENVIRONMENT: Mapping[str, str] = {
    "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_ETAG_TIMEOUT": "3600",
    "HF_HUB_DOWNLOAD_TIMEOUT": "3600",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "DISABLE_SAFETENSORS_CONVERSION": "1",
    # A proxy is asked for loopback addresses as well.
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
}
"""What a child is started with beside its cache; its HF_ENDPOINT is told at the door."""
OFFLINE_VARIABLES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_DISABLE_SYMLINKS")
"""What a child is not started with."""


class Gateway:
    """Serves one child; use it as a context manager.

    Args:
        source: the engine.
        folder: for the cache that the child sees.
    """

    def __init__(self, source: Source, folder: Path) -> None:
        self.cache = ChildCache(folder)
        self.failure: BaseException | None = None
        """Why the child must not go on."""
        self._routes = Routes(source, self.cache)
        self._secret = secrets.token_urlsafe(24)
        self._working = ThreadPoolExecutor(_ASKED_AT_ONCE, thread_name_prefix="gateway")
        self._is_closed = threading.Event()
        self._counting = threading.Lock()
        self._answering = 0
        self._end: Callable[[], None] = lambda: None
        self._server: Origin | None = None
        self._outer, self._inner = socket.socketpair()

    @property
    def is_answering(self) -> bool:
        """Whether the child waits for an answer."""
        return self._answering > 0

    @property
    def descriptor(self) -> int:
        """The inner end of the door, for the child."""
        return self._inner.fileno()

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """``environ`` for a child of the gateway.

        What leads a library into the cache that ``HF_HUB_CACHE`` names leads it into the child's; what leads it to a
        folder of its own is left out, or what it asks for would come there.
        """
        cache = environ.get("HF_HUB_CACHE", "").rstrip("/")
        kept = {name: value for name, value in environ.items() if name not in OFFLINE_VARIABLES}
        homes = {name: kept.pop(name) for name in HOMES.values() if name in kept}
        own = {name: str(self.cache.root) for name, value in homes.items() if value.rstrip("/") == cache}
        return {**kept, **own, **ENVIRONMENT, "HF_HUB_CACHE": str(self.cache.root)}

    def started(self, end: Callable[[], None]) -> None:
        """The child is there; ``end`` ends it when it must not go on.

        Raises:
            OSError: it has died before it came through the door.
        """
        self._end = end
        self._inner.close()
        listening = network.let_in(self._outer)
        self._server = Origin(self, "gateway", 0, _Handler, listening=listening)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self._outer.sendall(f"http://127.0.0.1:{self._server.server_port}/{self._secret}".encode())

    def __enter__(self) -> Gateway:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_closed.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.cut_all()
            self._server.server_close()
        self._inner.close()
        self._outer.close()
        self._working.shutdown(wait=False, cancel_futures=True)

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """While the child waits."""
        with self._counting:
            self._answering += 1
        try:
            yield
        finally:
            with self._counting:
                self._answering -= 1

    def ask(self, method: str, path: str, query: str, body: bytes) -> Future[Answer] | None:
        """Begin to answer; None where the address is not the child's."""
        _, secret, rest = f"{path}//".split("/", 2)
        if not hmac.compare_digest(secret.encode(), self._secret.encode()) or self._is_closed.is_set():
            return None
        return self._working.submit(self._routes.answer, method, f"/{rest}", query, body)

    def fail(self, error: BaseException) -> None:
        """End the child, and hold its request until it has ended."""
        with self._counting:
            is_first = self.failure is None
            self.failure = self.failure or error
        if is_first:
            self._end()
        self._is_closed.wait()


class _Gone(Exception):
    """Nobody waits for the answer any more."""


class _Handler(Handler):
    def answer(self) -> None:
        gateway: Gateway = cast("Origin", self.server).hub
        path, _, query = self.path.partition("?")
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit() or int(length) > _BODY_MAX_BYTES:
            self.close_connection = True
            return
        body = self.rfile.read(int(length))
        asked = gateway.ask(self.command, path, query, body)
        try:
            with gateway.answering():
                answer = self._awaited(asked) if asked is not None else api_error(404, "nothing here")
        except (_Gone, OSError):
            self.close_connection = True
            return
        except BaseException as error:  # noqa: BLE001 (the child must not go on, whatever it is)
            gateway.fail(error)
            self.close_connection = True
            return
        try:
            self._send(answer)
        except OSError:
            self.close_connection = True

    def _awaited(self, asked: Future[Answer]) -> Answer:
        while True:
            with contextlib.suppress(NotYet):
                return asked.result(timeout=_SIGN_OF_LIFE_S)
            if asked.done():
                # The engine's own time-out, and not that of the wait.
                return asked.result()
            try:
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                self.wfile.flush()
            except OSError:
                raise _Gone from None

    def _send(self, answer: Answer) -> None:
        status, headers, start, end = part(answer, self.headers.get("Range"))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        while start < end:
            size = min(_BLOCK_BYTES, end - start)
            content = answer.body
            self.wfile.write(content[start : start + size] if isinstance(content, bytes) else content.read(start, size))
            start += size
        self.wfile.flush()
