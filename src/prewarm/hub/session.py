"""One request to the Hub, through huggingface_hub's own session. Changes with huggingface_hub or its HTTP library.

This module alone knows which HTTP library that is: httpx2 for huggingface_hub 2, httpx for 1. Its errors are told
apart here and nowhere else, since ``except httpx.ConnectError`` catches nothing of the other one's.
"""

from __future__ import annotations

import importlib
import json
import platform
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from huggingface_hub import __version__ as hub_version
from huggingface_hub import constants, get_session

from prewarm import __version__
from prewarm.hub import configuration, private, transport_errors
from prewarm.hub.decoding import decoded
from prewarm.hub.patience import Patience, shut
from prewarm.hub.transport_errors import Transient, first_line, origin_of
from prewarm.records.errors import HubError, SettingsError
from prewarm.records.units import size

CONNECT_TIMEOUT_S = 10.0
_PROXY_HINT = "look at HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY"
_OURS = "prewarm"
"""Marks the requests that are governed where they are sent."""


class Reply:
    """An answer, with the hops that led to it."""

    def __init__(self, response: Any, patience: Patience) -> None:
        self._response = response
        self._patience = patience

    @property
    def status(self) -> int:
        """HTTP status."""
        return int(self._response.status_code)

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of the last hop, by name in any case."""
        headers: Mapping[str, str] = self._response.headers
        return headers

    @property
    def hops(self) -> list[tuple[str, Mapping[str, str]]]:
        """(address, headers) of every hop, the last one included."""
        return [(str(hop.url), hop.headers) for hop in (*self._response.history, self._response)]

    @property
    def url(self) -> str:
        """The address that answered; it may be signed: not for messages."""
        return str(self._response.url)

    def json(self, most: int) -> Any:
        """The body as JSON.

        Args:
            most: bytes that it may have.

        Raises:
            Transient: it is none, as from a proxy's own page.
            HubError: it has more.
        """
        origin = origin_of(self.url)
        body = bytearray()
        for piece in self.pieces():
            body += piece
            if len(body) > most:
                raise HubError(
                    "unreachable",
                    f"{origin} answers with more than {size(most)} where a listing is asked for",
                    hint="look at HF_ENDPOINT: this is no Hub, or no repository that can be used",
                )
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise Transient(
                "the answer is no JSON",
                HubError(
                    "unreachable",
                    f"{origin} answers with something that is no JSON",
                    hint="a proxy may answer in the Hub's place: look at HF_ENDPOINT and HTTPS_PROXY",
                ),
            ) from None

    def pieces(self) -> Iterator[bytes]:
        """The body, as it arrives.

        Raises:
            Transient: the connection broke, or the body comes too slowly.
            Interrupted: it was stopped.
        """
        origin, encoding = origin_of(self.url), self._response.headers.get("Content-Encoding", "")
        return decoded(self._patience.flowing(origin, self._raw(), self._wake), encoding, origin)

    def _raw(self) -> Iterator[bytes]:
        with _translated(self.url, is_answered=True):
            yield from self._response.iter_raw()

    def _wake(self) -> None:
        shut(_socket_of(self._response.extensions.get("network_stream")))


def open_session() -> Any:
    """huggingface_hub's session.

    Raises:
        SettingsError: it cannot be made, for what the environment says of proxies or certificates.
    """
    try:
        return get_session()
    except Exception as error:  # noqa: BLE001 (whatever the HTTP library says of the environment)
        raise SettingsError(
            f"no connection can be made with what the environment says: {first_line(error)}",
            place="HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE",
            hint="look at these variables, and unset the one that is wrong",
        ) from None


def headers(secret: str | None, credentials: str | None = None) -> dict[str, str]:
    """What every request carries: the token, or what the Hub's address itself asks for, as huggingface_hub sends it.

    huggingface_hub's ``build_hf_headers`` is not used, since it may send a metered request of its own, for its list
    of agents (huggingface_hub 2.4, ``utils/_detect_agent.py``).
    """
    sent = {"User-Agent": f"prewarm/{__version__}; hf_hub/{hub_version}; python/{platform.python_version()}"}
    if secret or credentials:
        # Lower case: huggingface_hub takes the header off by this name before it goes to another origin.
        sent["authorization"] = credentials or f"Bearer {secret}"
    return sent


@contextmanager
def get(url: str, sent: Mapping[str, str], patience: Patience, *, follows: bool = True) -> Iterator[Reply]:
    """Send one GET, and follow its redirects or not; the token stays with the first origin.

    Raises:
        Transient: the connection failed in a way that may pass.
        HubError: it cannot succeed.
        Interrupted: it was stopped.
    """
    session = open_session()
    timeout = _library().Timeout(constants.HF_HUB_DOWNLOAD_TIMEOUT, connect=CONNECT_TIMEOUT_S)
    made: list[Any] = []

    def trace(event: str, said: Mapping[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            made.append(said.get("return_value"))

    def ask() -> Any:
        with _translated(url):
            request = session.build_request(
                "GET",
                url,
                headers={**sent, "Accept-Encoding": "identity"},
                timeout=timeout,
                extensions={_OURS: True, "trace": trace},
            )
            return session.send(request, stream=True, follow_redirects=follows)

    def abandon() -> None:
        for stream in made:
            shut(_socket_of(stream))

    response = patience.answer(origin_of(url), ask, late=lambda answer: answer.close(), abandon=abandon)
    try:
        yield Reply(response, patience)
    finally:
        response.close()


def _socket_of(stream: Any) -> Any:
    return stream.get_extra_info("socket") if stream is not None else None


@contextmanager
def watched(before: Callable[[str], None], after: Callable[[str, int, Mapping[str, str]], None]) -> Iterator[None]:
    """Let everything else in this process that sends through huggingface_hub's session be seen as well.

    Args:
        before: is given the address of every request that is not prewarm's, redirects included; may hold it back.
        after: is given address, status and headers of its answer.
    """
    session = open_session()

    def on_request(request: Any) -> None:
        if _OURS not in request.extensions:
            before(str(request.url))

    def on_response(response: Any) -> None:
        if _OURS not in response.request.extensions:
            after(str(response.request.url), int(response.status_code), response.headers)

    hooks = session.event_hooks
    session.event_hooks = {
        "request": [*hooks["request"], on_request],
        "response": [*hooks["response"], on_response],
    }
    try:
        yield
    finally:
        session.event_hooks = {
            kind: [hook for hook in kept if hook not in (on_request, on_response)]
            for kind, kept in session.event_hooks.items()
        }


def is_plain() -> bool:
    """Whether requests go straight to their origin, by huggingface_hub's own client: no proxy, no client factory."""
    proxies = getproxies()
    is_proxied = any(proxies.get(scheme) for scheme in ("http", "https", "all"))
    return not is_proxied and not private.has_client_factory()


def ssl_context() -> ssl.SSLContext:
    """What decides which certificates are trusted: made as huggingface_hub's own client makes it."""
    context: ssl.SSLContext = _library().create_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _library() -> Any:
    # The user may have made the session of a class of their own (set_client_factory).
    client = next(kind for kind in type(open_session()).__mro__ if kind.__name__ == "Client")
    return importlib.import_module(client.__module__.partition(".")[0])


def _proxy_of(url: str) -> str:
    """The proxy that an address is asked through, without credentials; empty: none."""
    try:
        parts = urlsplit(url)
        proxies = getproxies()
        proxy = proxies.get(parts.scheme) or proxies.get("all")
        if not proxy or proxy_bypass(parts.netloc.rpartition("@")[2]):
            return ""
    except ValueError:
        return ""
    return origin_of(proxy if "://" in proxy else f"http://{proxy}")


@contextmanager
def _translated(url: str, *, is_answered: bool = False) -> Iterator[None]:
    library = _library()
    try:
        yield
    except (library.HTTPError, library.InvalidURL, library.StreamError, OSError, ValueError) as error:
        _translate(library, error, _hop_of(error) or url, is_answered=is_answered)


def _hop_of(error: BaseException) -> str:
    """The address that failed, which may be one that was redirected to."""
    try:
        return str(error.request.url)  # type: ignore[attr-defined]
    except (AttributeError, RuntimeError):
        return ""


def _translate(library: Any, error: BaseException, url: str, *, is_answered: bool = False) -> NoReturn:
    """Raise what a transport's error means; the one place where they are told apart."""
    said, origin = first_line(error), origin_of(url)
    if type(error).__name__ == "OfflineModeIsEnabled":
        variable = configuration.offline_variable() or "HF_HUB_OFFLINE"
        raise HubError(
            "unreachable", f"{variable} is set, and something is missing", hint=f"unset {variable} and run it again"
        ) from None
    if isinstance(error, (library.InvalidURL, library.UnsupportedProtocol, ValueError)) or "Invalid URL" in said:
        raise transport_errors.no_address(origin) from None
    if isinstance(error, library.TooManyRedirects):
        raise HubError("unreachable", f"{origin} redirects in circles", hint="look at HF_ENDPOINT") from None
    if transport_errors.is_untrusted(said):
        raise transport_errors.untrusted(origin) from None
    proxy = _proxy_of(url)
    if isinstance(error, library.ProxyError):
        reason = f"the proxy {proxy or ''} refuses: {said}".replace("  ", " ")
        raise Transient(reason, HubError("unreachable", reason, hint=_PROXY_HINT), lost_origin=origin) from None
    if isinstance(error, (library.ConnectError, library.ConnectTimeout)):
        hint = {"hint": _PROXY_HINT} if proxy else {}
        raise transport_errors.unreachable(origin, said or "no answer", proxy=proxy, **hint) from None
    if isinstance(error, library.TimeoutException):
        raise transport_errors.silent(origin, lost_origin="" if is_answered else origin) from None
    if isinstance(error, (library.TransportError, library.DecodingError, library.StreamError, OSError)):
        raise transport_errors.broken(origin) from None
    raise error
