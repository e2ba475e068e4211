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
from urllib.request import getproxies

from huggingface_hub import __version__ as hub_version
from huggingface_hub import constants, get_session, get_token

from prewarm import __version__
from prewarm.hub import private, transport_errors
from prewarm.hub.transport_errors import Transient, first_line, origin_of
from prewarm.records.errors import HubError, SettingsError

_REDIRECTS_MAX = 10
CONNECT_TIMEOUT_S = 10.0
_OURS = "prewarm"
"""Marks the requests that are governed where they are sent."""


class Reply:
    """An answer, with the hops that led to it."""

    def __init__(self, response: Any) -> None:
        self._response = response

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

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            Transient: it is none, as from a proxy's own page.
        """
        with _translated(self.url):
            body = self._response.read()
        try:
            return json.loads(body)
        except ValueError:
            raise Transient(
                "the answer is no JSON",
                HubError(
                    "unreachable",
                    f"{origin_of(self.url)} answers with something that is no JSON",
                    hint="a proxy may answer in the Hub's place: look at HF_ENDPOINT and HTTPS_PROXY",
                ),
            ) from None

    def pieces(self) -> Iterator[bytes]:
        """The body, as it arrives.

        Raises:
            Transient: the connection broke.
        """
        with _translated(self.url):
            yield from self._response.iter_bytes()


def token() -> str | None:
    """The user's token, found as huggingface_hub finds it; None without one.

    Raises:
        SettingsError: there is one that cannot be read.
    """
    if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
        return None
    try:
        return get_token()
    except OSError as error:
        raise SettingsError(
            f"the token cannot be read: {error.strerror}", place=str(constants.HF_TOKEN_PATH), hint="look at HF_HOME"
        ) from None


def headers(secret: str | None) -> dict[str, str]:
    """What every request carries.

    huggingface_hub's ``build_hf_headers`` is not used, since it may send a metered request of its own, for its list
    of agents (huggingface_hub 2.4, ``utils/_detect_agent.py``).
    """
    sent = {"User-Agent": f"prewarm/{__version__}; hf_hub/{hub_version}; python/{platform.python_version()}"}
    if secret:
        # Lower case: huggingface_hub takes the header off by this name before it goes to another origin.
        sent["authorization"] = f"Bearer {secret}"
    return sent


@contextmanager
def get(url: str, sent: Mapping[str, str], *, follows: bool = True) -> Iterator[Reply]:
    """Send one GET, and follow its redirects or not; the token stays with the first origin.

    Raises:
        Transient: the connection failed in a way that may pass.
        HubError: it cannot succeed.
    """
    session = get_session()
    timeout = _library().Timeout(constants.HF_HUB_DOWNLOAD_TIMEOUT, connect=CONNECT_TIMEOUT_S)
    with _translated(url):
        request = session.build_request(
            "GET",
            url,
            headers={**sent, "Accept-Encoding": "identity"},
            timeout=timeout,
            extensions={_OURS: True},
        )
        response = session.send(request, stream=True, follow_redirects=follows)
    try:
        yield Reply(response)
    finally:
        response.close()


@contextmanager
def watched(before: Callable[[str], None], after: Callable[[str, int, Mapping[str, str]], None]) -> Iterator[None]:
    """Let everything else in this process that sends through huggingface_hub's session be seen as well.

    Args:
        before: is given the address of every request that is not prewarm's, redirects included; may hold it back.
        after: is given address, status and headers of its answer.
    """
    session = get_session()

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
    client = next(kind for kind in type(get_session()).__mro__ if kind.__name__ == "Client")
    return importlib.import_module(client.__module__.partition(".")[0])


@contextmanager
def _translated(url: str) -> Iterator[None]:
    library = _library()
    try:
        yield
    except (library.HTTPError, library.InvalidURL, library.StreamError, OSError) as error:
        _translate(library, error, origin_of(url))


def _translate(library: Any, error: BaseException, origin: str) -> NoReturn:
    """Raise what a transport's error means; the one place where they are told apart."""
    said = first_line(error)
    if type(error).__name__ == "OfflineModeIsEnabled":
        raise HubError(
            "unreachable",
            "HF_HUB_OFFLINE is set, and something is missing",
            hint="unset HF_HUB_OFFLINE and run it again",
        ) from None
    if isinstance(error, (library.InvalidURL, library.UnsupportedProtocol)):
        raise HubError("unreachable", f"{origin} is no address", hint="look at HF_ENDPOINT") from None
    if isinstance(error, library.TooManyRedirects):
        raise HubError("unreachable", f"{origin} redirects in circles", hint="look at HF_ENDPOINT") from None
    if transport_errors.is_untrusted(said):
        raise transport_errors.untrusted(origin) from None
    if isinstance(error, library.ProxyError):
        reason = f"the proxy refuses: {said}"
        raise Transient(reason, HubError("unreachable", reason, hint="look at HTTPS_PROXY and NO_PROXY")) from None
    if isinstance(error, library.TimeoutException):
        raise transport_errors.silent(origin) from None
    if isinstance(error, library.ConnectError):
        raise transport_errors.unreachable(origin, said) from None
    if isinstance(error, (library.TransportError, library.DecodingError, library.StreamError, OSError)):
        raise transport_errors.broken(origin) from None
    raise error
