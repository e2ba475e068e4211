"""What goes wrong between here and an origin, as errors that people can act on. Changes with what can go wrong."""

from __future__ import annotations

from urllib.parse import urlsplit

from prewarm.records.errors import HubError

_HINT = "look at the network and at HF_ENDPOINT; what has arrived is kept: run it again"


class Transient(Exception):
    """A failure that may pass when the request is sent again.

    Attributes:
        reason: what happened, for people.
        error: what to raise where it does not pass.
        progressed: whether bytes arrived before: then the tries are counted anew.
        lost_origin: where no connection could be made to; empty: it was made.
    """

    def __init__(self, reason: str, error: HubError, *, progressed: bool = False, lost_origin: str = "") -> None:
        super().__init__(reason)
        self.lost_origin = lost_origin
        self.reason = reason
        self.error = error
        self.progressed = progressed


def silent(origin: str) -> Transient:
    """Nothing came within the time-out."""
    reason = f"{origin} does not answer in time"
    return Transient(reason, HubError("timeout", reason, hint=_HINT))


def unreachable(origin: str, said: str) -> Transient:
    """No connection could be made."""
    reason = f"{origin} cannot be reached"
    return Transient(reason, HubError("unreachable", f"{reason}: {said}", hint=_HINT), lost_origin=origin)


def broken(origin: str) -> Transient:
    """The connection ended before the answer did."""
    reason = f"the connection to {origin} broke"
    return Transient(reason, HubError("unreachable", f"{reason}, again and again", hint=_HINT))


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
    """What an error of a library says, short enough for a message."""
    return (str(error).splitlines() or [""])[0][:200]


def origin_of(url: str) -> str:
    """Scheme and host of an address: what may stand in a message."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
