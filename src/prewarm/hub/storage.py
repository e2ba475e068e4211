"""The bytes of large files, from the origin that the Hub names, with little work per piece. Changes with that work.

huggingface_hub's HTTP client gives pieces of at most 64 KiB as new objects; here the socket writes into a buffer that
is used again, by the standard library's client. Certificates come from the same function as huggingface_hub's, and
time-outs from the same settings. Where the user has a proxy, or a client of their own (``set_client_factory``),
huggingface_hub's session does it instead.
"""

from __future__ import annotations

import http.client
import re
import ssl
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit

from huggingface_hub import constants

from prewarm.hub import session, transport_errors
from prewarm.hub.patience import Patience, shut
from prewarm.hub.pieces import gathered
from prewarm.hub.transport_errors import Transient, first_line, origin_of

BUFFER_BYTES = 1 << 20
_LATEST_S = 0.1
"""What has arrived is given on after this time at the latest."""
_IDLE_S = 5.0
"""As huggingface_hub's client: what was idle for longer may have been forgotten on the way, without a word."""
_PLAIN = re.compile(r"[!-~]+")
_REDIRECTS = range(300, 400)
_Connection = http.client.HTTPConnection


class Answer(Protocol):
    """What an origin answers with; ``session.Reply`` is one as well."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, by name in any case."""

    @property
    def url(self) -> str:
        """The address that answered; it may be signed: not for messages."""

    def pieces(self) -> Iterator[bytes | memoryview]:
        """The body as it arrives; each piece only until the next one.

        Raises:
            Transient: the connection broke.
        """


class Storage:
    """Answers ranges of files; keeps its connections open. Its methods may be called from several threads."""

    def __init__(self) -> None:
        self._is_direct = session.is_plain()
        self._lock = threading.Lock()
        self._idle: dict[tuple[str, str], list[tuple[_Connection, float]]] = {}
        """With the time since when each is idle."""
        self._others: set[str] = set()
        """Origins that redirect, or compress: they are asked once in vain."""
        self._context: ssl.SSLContext | None = None
        weakref.finalize(self, _close_all, self._idle)

    @contextmanager
    def get(self, url: str, sent: Mapping[str, str], patience: Patience) -> Iterator[Answer]:
        """Send one GET, and follow its redirects.

        Raises:
            Transient: the connection failed in a way that may pass.
            HubError: it cannot succeed.
            Interrupted: it was stopped.
        """
        if self._is_direct and _is_plain(url) and urlsplit(url).netloc not in self._others:
            connection, response = self._answer(url, sent, patience)
            # Where there is more to it than bytes as they are, the session knows what to do.
            if response.status not in _REDIRECTS and "Content-Encoding" not in response.headers:
                try:
                    yield _Direct(url, connection, response, patience)
                finally:
                    self._put_back(url, connection, response)
                return
            response.close()
            connection.close()
            self._others.add(urlsplit(url).netloc)
        with session.get(url, sent, patience) as reply:
            yield gathering(reply)

    def _answer(
        self, url: str, sent: Mapping[str, str], patience: Patience
    ) -> tuple[_Connection, http.client.HTTPResponse]:
        used: list[_Connection] = []

        def abandon() -> None:
            for connection in used:
                shut(connection.sock)

        def late(answered: tuple[_Connection, http.client.HTTPResponse]) -> None:
            answered[0].close()

        return patience.answer(origin_of(url), lambda: self._ask(url, sent, used), late=late, abandon=abandon)

    def _ask(
        self, url: str, sent: Mapping[str, str], used: list[_Connection]
    ) -> tuple[_Connection, http.client.HTTPResponse]:
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        while True:
            connection, is_used = self._take(parts.scheme, parts.netloc)
            used[:] = [connection]
            try:
                if not is_used:
                    self._connect(connection, url)
                connection.request("GET", target, headers=dict(sent))
                return connection, connection.getresponse()
            except TimeoutError:
                connection.close()
                raise transport_errors.silent(origin_of(url), lost_origin=origin_of(url)) from None
            except (OSError, http.client.HTTPException):
                connection.close()
                # One that was idle may have been closed by the other side meanwhile: that is no failure.
                if not is_used:
                    raise transport_errors.broken(origin_of(url)) from None
            except BaseException:
                connection.close()
                raise

    def _take(self, scheme: str, netloc: str) -> tuple[_Connection, bool]:
        with self._lock:
            idle = self._idle.get((scheme, netloc), [])
            while idle:
                connection, since = idle.pop()
                if time.monotonic() - since < _IDLE_S:
                    return connection, True
                connection.close()
            if scheme == "https" and self._context is None:
                self._context = session.ssl_context()
        if scheme == "https":
            return http.client.HTTPSConnection(netloc, timeout=session.CONNECT_TIMEOUT_S, context=self._context), False
        return http.client.HTTPConnection(netloc, timeout=session.CONNECT_TIMEOUT_S), False

    def _connect(self, connection: _Connection, url: str) -> None:
        origin = origin_of(url)
        try:
            connection.connect()
        except TimeoutError:
            raise transport_errors.unreachable(origin, "no answer") from None
        except (OSError, UnicodeError) as error:
            said = first_line(error)
            if transport_errors.is_untrusted(said):
                raise transport_errors.untrusted(origin) from None
            raise transport_errors.unreachable(origin, said) from None
        connection.sock.settimeout(constants.HF_HUB_DOWNLOAD_TIMEOUT)

    def _put_back(self, url: str, connection: _Connection, response: http.client.HTTPResponse) -> None:
        if not response.isclosed() or response.will_close:
            response.close()
            connection.close()
            return
        parts = urlsplit(url)
        with self._lock:
            self._idle.setdefault((parts.scheme, parts.netloc), []).append((connection, time.monotonic()))


def _is_plain(url: str) -> bool:
    """Whether an address can be asked as it stands; of others the session knows what to do, or what to say."""
    try:
        parts = urlsplit(url)
        return bool(_PLAIN.fullmatch(url) and parts.hostname and "@" not in parts.netloc and parts.port != 0)
    except ValueError:
        return False


def _close_all(idle: Mapping[tuple[str, str], list[tuple[_Connection, float]]]) -> None:
    for connections in idle.values():
        for connection, _ in connections:
            connection.close()


class _Direct:
    def __init__(
        self, url: str, connection: _Connection, response: http.client.HTTPResponse, patience: Patience
    ) -> None:
        self.url = url
        self._connection = connection
        self._response = response
        self._patience = patience

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Any:
        return self._response.headers

    def pieces(self) -> Iterator[memoryview]:
        return self._patience.flowing(origin_of(self.url), self._read(), lambda: shut(self._connection.sock))

    def _read(self) -> Iterator[memoryview]:
        response = self._response
        left = None if response.chunked else response.length
        view = memoryview(bytearray(BUFFER_BYTES if left is None else min(left, BUFFER_BYTES)))
        while left or (left is None and not response.isclosed()):
            filled, error = self._fill(view[:left], is_counted=left is not None)
            if left is not None:
                left -= filled
                self._finish(left)
            if filled:
                yield view[:filled]
            if error is not None:
                raise error
        self._finish(left)

    def _finish(self, left: int | None) -> None:
        # Before the last piece is given on, as nobody may ask for another one: lets the connection be used again.
        if left == 0 and not self._response.isclosed():
            self._response.length = 0
            self._response.read()

    def _fill(self, view: memoryview, *, is_counted: bool) -> tuple[int, Transient | None]:
        """Read until ``view`` is full, the answer ends, or it is time to give on what is there.

        HTTPResponse.readinto waits until the buffer is full, and loses what is in it where the connection breaks: so
        the socket's file is read, as far as the answer's length says. Little is done per read: TLS gives 16 KiB.
        """
        now, until = time.monotonic, time.monotonic() + _LATEST_S
        readinto = self._response.fp.readinto1 if is_counted else self._response.readinto1
        filled, size = 0, len(view)
        try:
            while filled < size:
                count = readinto(view[filled:])
                filled += count
                if not count and is_counted:
                    return filled, transport_errors.broken(origin_of(self.url))
                if not count or now() > until:
                    break
        except TimeoutError:
            return filled, transport_errors.silent(origin_of(self.url))
        except (OSError, http.client.HTTPException):
            return filled, transport_errors.broken(origin_of(self.url))
        return filled, None


class _Gathered:
    def __init__(self, reply: session.Reply) -> None:
        self._reply = reply
        self.status, self.headers, self.url = reply.status, reply.headers, reply.url

    def pieces(self) -> Iterator[bytes]:
        return gathered(self._reply.pieces())


def gathering(reply: session.Reply) -> Answer:
    """An answer through huggingface_hub's session, its small pieces put together."""
    return _Gathered(reply)
