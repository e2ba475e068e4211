"""The server of a mirror: sockets, TLS, files by ``sendfile``, a log, an end that lets answers finish."""

from __future__ import annotations

import errno
import platform
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, cast
from urllib.parse import unquote, urlsplit, urlunsplit

from prewarm.mirror.connections import OWN, SILENT_S, Connections
from prewarm.mirror.counts import Counts
from prewarm.mirror.routes import Routes
from prewarm.mirror.shelf import Shelf
from prewarm.records.errors import MirrorError
from prewarm.records.text import harmless
from prewarm.wire.answers import Answer, api_error, part
from prewarm.wire.handler import Handler
from prewarm.wire.reading import FileContent

_BLOCK_BYTES = 8 << 20
_BODY_MAX_BYTES = 1 << 20
_ENDING_S = 600.0
"""The longest that answers may take once it is told to end; whoever is in a hurry says so once more."""
_QUIET_S = 1.0
"""How long nothing may have been asked for before the connections that are open are closed."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """Where a mirror listens, and for whom."""

    host: str = "127.0.0.1"
    port: int = 8765
    """0: a free one."""
    token: str | None = None
    """That clients have to show; None: none."""
    certificate: Path | None = None
    """Of TLS, with its chain, in PEM; None: no TLS."""
    key: Path | None = None


class Server:
    """Serves a shelf.

    Args:
        shelf: what there is.
        bound: where.
        log: is told every answer, a line each.

    Raises:
        MirrorError: the address or the certificate cannot be used.
    """

    def __init__(self, shelf: Shelf, bound: Bound, log: Callable[[str], None]) -> None:
        self.counts = Counts()
        self.routes = Routes(shelf, self.counts, bound.token)
        self.log = log
        self._tls = _tls(bound) if bound.certificate is not None else None
        try:
            self._origin = Connections(self, "mirror", bound.port, _Handler, host=bound.host)
        except (OSError, OverflowError) as error:
            said = getattr(error, "strerror", None) or error
            is_taken = getattr(error, "errno", None) == errno.EADDRINUSE
            raise MirrorError(
                f"nobody can listen at {bound.host or '(nothing)'}:{bound.port}: {said}",
                hint="another server is there: --port 0 takes a free one"
                if is_taken
                else "--host takes an address of this machine, as 127.0.0.1 or ::1; 0.0.0.0: from everywhere",
            ) from None
        self._origin.tls = self._tls
        # Everywhere is no address that anybody could use.
        name = platform.node() if bound.host in ("0.0.0.0", "::") else bound.host  # noqa: S104 (compared, and not bound)
        host = f"[{name}]" if ":" in name else name
        self.url = f"http{'s' if self._tls else ''}://{host}:{self._origin.server_port}"

    def start(self) -> None:
        """Answer, in threads of its own."""
        threading.Thread(target=self._origin.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def end(self, is_hurried: Callable[[], bool]) -> int:
        """Take no new connections, let answers finish that are under way, and close.

        Args:
            is_hurried: whether it is to end at once.

        Returns:
            How many answers were cut.
        """
        self.routes.is_ending = True
        self._origin.shutdown()
        self._origin.socket.close()
        until = quiet_from = time.monotonic()
        until += _ENDING_S
        while time.monotonic() < until and not is_hurried():
            # A request may be on its way on a connection that is open: its answer says that it is the last one.
            if self.counts.busy:
                quiet_from = time.monotonic()
            elif time.monotonic() - quiet_from > _QUIET_S or not self.counts.connections:
                break
            time.sleep(0.05)
        cut = self.counts.busy
        self._origin.cut_all()
        self._origin.server_close()
        return cut


class _Handler(Handler):
    timeout = SILENT_S

    def answer(self) -> None:
        origin = cast("Connections", self.server)
        origin.answers(OWN.request)
        try:
            self._answered(origin.hub)
        finally:
            origin.waits(OWN.request)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no request; it is counted, and in the log, as all others."""
        server: Server = cast("Connections", self.server).hub
        self.close_connection = True
        # What could not be read has left no names, and is answered as by what speaks HTTP.
        self.request_version = self.protocol_version
        self.command, self.path = getattr(self, "command", None) or "-", getattr(self, "path", None) or "-"
        answer = api_error(int(code), message or explain or "this is no request that a mirror takes")
        server.counts.began()
        with suppress(OSError):
            status, headers, start, end = part(answer, None)
            for _ in self._send(answer, None, status, {**headers, "Connection": "close"}, start, end):
                pass
        server.counts.ended(self.command, int(code))
        server.log(self._line(int(code), 0, 0.0))

    def _answered(self, server: Server) -> None:
        began = time.monotonic()
        server.counts.began()
        status = sent = start = end = 0
        try:
            answer, opened = self._opened(self._answer(server))
            with opened or nullcontext():
                status, headers, start, end = part(answer, self._range(answer))
                for count in self._send(answer, opened, status, headers, start, end):
                    sent += count
                    server.counts.sent(count)
        except OSError:
            # The client is gone, or takes nothing.
            self.close_connection = True
        finally:
            server.counts.ended(self.command, status)
            if server.routes.is_ending:
                self.close_connection = True
            is_cut = self.command != "HEAD" and sent < end - start
            server.log(self._line(status, sent, time.monotonic() - began) + " cut" * is_cut)

    def _answer(self, server: Server) -> Answer:
        length = self.headers.get("Content-Length") or "0"
        is_number = length.isascii() and length.isdigit() and len(length) < 10
        if not is_number or int(length) > _BODY_MAX_BYTES or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            return api_error(413, "a mirror takes no such body")
        body = self.rfile.read(int(length))
        path, _, query = _of_the_host(self.path).partition("?")
        return server.routes.answer(self.command, path, query, self.headers.get("Authorization"), body)

    def _range(self, answer: Answer) -> str | None:
        # Of GET alone, as RFC 9110 has it.
        wanted = self.headers.get("Range") if self.command == "GET" else None
        unchanged = self.headers.get("If-Range")
        # What somebody has the beginning of may be another file's by now.
        return None if unchanged is not None and unchanged != answer.headers.get("ETag") else wanted

    def _opened(self, answer: Answer) -> tuple[Answer, IO[bytes] | None]:
        """The answer with its file open; before anything is said, as one that cannot be read is no answer of 200."""
        if not isinstance(answer.body, FileContent):
            return answer, None
        try:
            return answer, answer.body.path.open("rb")
        except OSError as error:
            return api_error(503, f"the mirror cannot read it: {error.strerror}"), None

    def _send(
        self, answer: Answer, opened: IO[bytes] | None, status: int, headers: dict[str, str], start: int, end: int
    ) -> Iterator[int]:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(end - start))
        if cast("Connections", self.server).hub.routes.is_ending:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.flush()
        if isinstance(answer.body, bytes):
            self.wfile.write(answer.body[start:end])
            self.wfile.flush()
            yield end - start
        while opened is not None and start < end:
            count = self.connection.sendfile(opened, start, min(_BLOCK_BYTES, end - start))
            if not count:
                # It is shorter than it was: the client sees that something is missing.
                self.close_connection = True
                return
            start += count
            yield count

    def _line(self, status: int, sent: int, took_s: float) -> str:
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        path = harmless(unquote(self.path.partition("?")[0]))[:500]
        return f'{now} {self.client_address[0]} "{self.command} {path}" {status or "-"} {sent} {took_s * 1000:.0f} ms'

    def version_string(self) -> str:
        return "prewarm-mirror"


def _of_the_host(target: str) -> str:
    """The path of a request's target, also where it names the host, as to a proxy."""
    parts = urlsplit(target)
    return urlunsplit(("", "", parts.path or "/", parts.query, "")) if parts.scheme in ("http", "https") else target


def _tls(bound: Bound) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        assert bound.certificate is not None
        # Or OpenSSL asks a terminal for a password, and listens to no signal meanwhile.
        context.load_cert_chain(bound.certificate, bound.key, password=lambda: "")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MirrorError(
            f"the certificate {bound.certificate} cannot be used: {reason}",
            hint="--tls-cert takes it with its chain, --tls-key its key without a password, both in PEM",
        ) from None
    return context
