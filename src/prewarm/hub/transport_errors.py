"""What goes wrong between here and an origin, as errors that people can act on. Changes with what can go wrong."""

from __future__ import annotations

from urllib.parse import urlsplit

from prewarm.records.errors import HubError
from prewarm.records.speed import Speed
from prewarm.records.text import quoted
from prewarm.records.units import size

_HINT = "look at the network and at HF_ENDPOINT; what has arrived is kept: run it again"


class Transient(Exception):
    """A failure that may pass when the request is sent again.

    Attributes:
        reason: what happened, for people.
        error: what to raise where it does not pass.
        gained: bytes that arrived in this try and had not before: with enough of them the tries are counted anew.
        lost_origin: that gave no answer at all; empty: it did.
        costs: how many tries it counts for.
    """

    def __init__(self, reason: str, error: HubError, *, gained: int = 0, lost_origin: str = "", costs: int = 1) -> None:
        super().__init__(reason)
        self.lost_origin = lost_origin
        self.reason = quoted(reason)
        self.error = error
        self.gained = gained
        self.costs = costs

    def having(self, gained: int) -> Transient:
        """The same, after so many new bytes."""
        self.gained = gained
        return self


def silent(origin: str, *, lost_origin: str = "") -> Transient:
    """Nothing came within the time-out."""
    reason = f"{origin} does not answer in time"
    return Transient(reason, HubError("timeout", reason, hint=_HINT), lost_origin=lost_origin)


def too_slow(origin: str, least: Speed, *, lost_origin: str = "") -> Transient:
    """Something came, and too little for the time that it took."""
    said = f"less than {size(least.bytes)} in {least.window_s:g} s"
    reason = f"{origin} answers too slowly: {said}"
    hint = "run it again, what has arrived is kept; or accept less: --min-speed"
    return Transient(reason, HubError("timeout", reason, hint=hint), lost_origin=lost_origin, costs=2)


def unreachable(origin: str, said: str, *, hint: str = _HINT, proxy: str = "") -> Transient:
    """No connection could be made.

    Args:
        origin: that was to be asked.
        said: by the system.
        hint: what to look at.
        proxy: that could not be reached in its place; empty: it was asked without one.
    """
    reason = f"the proxy {proxy} cannot be reached" if proxy else f"{origin} cannot be reached"
    return Transient(reason, HubError("unreachable", f"{reason}: {said}", hint=hint), lost_origin=origin)


def broken(origin: str) -> Transient:
    """The connection ended before the answer did."""
    reason = f"the connection to {origin} broke"
    return Transient(reason, HubError("unreachable", f"{reason}, again and again", hint=_HINT))


def no_address(origin: str) -> HubError:
    """What was given as an address, by the user or by a redirect, is none."""
    return HubError("unreachable", f"{origin} is no address that can be asked", hint="look at HF_ENDPOINT")


def untrusted(origin: str) -> HubError:
    """Its certificate is signed by nobody who is trusted here."""
    return HubError(
        "unreachable",
        f"the certificate of {origin} cannot be verified",
        hint="behind a corporate proxy, name its certificate: export SSL_CERT_FILE=/path/to/ca.pem",
    )


def is_untrusted(said: str) -> bool:
    """Whether OpenSSL's words are about the certificate."""
    return "CERTIFICATE_VERIFY_FAILED" in said or "certificate verify failed" in said


def first_line(error: BaseException) -> str:
    """What an error of a library says, short enough for a message, and without credentials."""
    return quoted((str(error).splitlines() or [""])[0], 200)


def origin_of(url: str) -> str:
    """Scheme and host of an address: what may stand in a message; also of one that is none."""
    try:
        parts = urlsplit(url)
        return quoted(f"{parts.scheme}://{parts.hostname or ''}" + (f":{parts.port}" if parts.port else ""), 200)
    except ValueError:
        return quoted(url.partition("?")[0], 100)
