"""Which addresses are the Hub's own, and where they are on a mirror. Changes with how mirrors are reached.

A mirror may lie below a path (``https://mirror.example/hf``). What the Hub names, in a ``Link``, a redirect or a route
for tokens, may be the Hub's own address, the mirror's, or a path from the root: the token goes to the mirror alone.
"""

from __future__ import annotations

from urllib.parse import SplitResult, urljoin, urlsplit

from prewarm.hub.transport_errors import no_address, origin_of


class Addresses:
    """The addresses of one Hub.

    Args:
        endpoint: its address, without a slash at its end and without credentials.
    """

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        self._origin = _origin(parts)
        self._root = f"{parts.scheme}://{parts.netloc}"
        self._path = parts.path.rstrip("/")

    def is_own(self, url: str) -> bool:
        """Whether ``url`` is of the Hub's origin: scheme, host and port."""
        try:
            return _origin(urlsplit(url)) == self._origin
        except ValueError:
            return False

    def here(self, named: str) -> str:
        """The address on this Hub of a route that it names, whatever host it names it at.

        Raises:
            HubError: it is no address.
        """
        try:
            parts = urlsplit(named)
        except ValueError:
            raise no_address(origin_of(named)) from None
        path = parts.path
        if self._path and not path.startswith(f"{self._path}/"):
            path = self._path + path
        return f"{self._root}{path}" + (f"?{parts.query}" if parts.query else "")

    def following(self, url: str, location: str) -> str:
        """Where a redirect leads: below the mirror's path where it names a path of the Hub's.

        Raises:
            HubError: it is no address.
        """
        try:
            target = urljoin(url, location)
            is_own = _origin(urlsplit(target)) == self._origin
        except ValueError:
            raise no_address(origin_of(location)) from None
        return self.here(target) if is_own else target


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    standard = {"http": 80, "https": 443}
    return parts.scheme, parts.hostname or "", parts.port or standard.get(parts.scheme)
