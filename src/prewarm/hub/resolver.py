"""From a file's resolver to where its bytes are: the one metered request. Changes with the Hub's redirects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from urllib.parse import urlsplit

from prewarm.hub import session
from prewarm.hub.addresses import Addresses
from prewarm.hub.governor import Governor
from prewarm.hub.limit_headers import parse_limit
from prewarm.hub.patience import Patience
from prewarm.hub.transport_errors import origin_of
from prewarm.hub.xet import XetFile, parse
from prewarm.records.errors import HubError

_HOPS_MAX = 10
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Elsewhere:
    """The bytes are at another origin, which is not metered and takes ranges."""

    url: str
    """Signed: not for messages."""
    xet: XetFile | None = None
    """The same file in Xet."""


@dataclass(frozen=True)
class Here:
    """The Hub, or a mirror, answers with the bytes itself."""

    reply: session.Reply


class Resolver:
    """Asks the Hub where a file is.

    Args:
        endpoint: the Hub's address.
        headers: with the token.
        governor: lets requests pass.
    """

    def __init__(self, endpoint: str, headers: Mapping[str, str], governor: Governor) -> None:
        self._addresses = Addresses(endpoint)
        self._headers = headers
        self._governor = governor
        # Whether the hop of small files is metered is not documented: it is once an answer of it says so.
        self._meters_hops = False

    @contextmanager
    def ask(self, url: str, start: int, spent: Callable[[int], None], patience: Patience) -> Iterator[Elsewhere | Here]:
        """Follow a resolver's redirects to the bytes, or to the origin that has them.

        Args:
            url: the resolver.
            start: the first byte that is wanted, for a Hub that answers with the bytes itself.
            spent: is told how many metered requests it took.
            patience: how long an answer is waited for, and what ends that.

        Raises:
            Transient: the connection failed.
            HubError: it redirects in circles.
        """
        wanted = {"Range": f"bytes={start}-"} if start else {}
        for _ in range(_HOPS_MAX):
            is_free = "/resolve-cache/" in urlsplit(url).path and not self._meters_hops
            admitted = nullcontext(None) if is_free else self._governor.request("resolvers", patience.stop)
            with admitted as answered, session.get(url, {**self._headers, **wanted}, patience, follows=False) as reply:
                if answered is not None:
                    answered([reply.headers])
                elif parse_limit(reply.headers) is not None:
                    self._meters_hops = True
                spent(0 if is_free and not self._meters_hops else 1)
                self._governor.heed("resolvers", reply.status, reply.headers)
                location, said = reply.headers.get("Location"), reply.headers
                if reply.status not in _REDIRECTS or location is None:
                    yield Here(reply)
                    return
            url = self._addresses.following(url, location)
            if not self._addresses.is_own(url):
                yield Elsewhere(url, parse(said))
                return
        raise HubError("unreachable", f"{origin_of(url)} redirects in circles", hint="look at HF_ENDPOINT")
