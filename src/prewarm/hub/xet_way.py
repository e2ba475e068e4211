"""Whether one file comes over Xet, and how a range of it does. Changes with when Xet is taken, and given up."""

from __future__ import annotations

from prewarm.flow.stop import Stop
from prewarm.hub.arrival import Arrival
from prewarm.hub.means import Means
from prewarm.hub.range_answer import PROXY
from prewarm.hub.shares import Share
from prewarm.hub.transport_errors import Transient
from prewarm.hub.xet import Xet, XetFailedError, XetFile
from prewarm.records.errors import HubError
from prewarm.records.listing import RepoFile


class XetWay:
    """The way of one file.

    Args:
        means: what every transfer shares.
        file: what the listing says of it.
        is_large: whether it is worth the way from the beginning.
    """

    def __init__(self, means: Means, file: RepoFile, *, is_large: bool) -> None:
        self._means = means
        self._size = file.size
        self._is_preferred = means.prefers_xet and is_large
        self._file: XetFile | None = None
        self._has_failed = False

    @property
    def is_taken(self) -> bool:
        """Whether ranges come so now."""
        return self._file is not None

    def find(self) -> tuple[Xet, XetFile] | None:
        """What to bring a range with; None: it comes over HTTP."""
        xet = self._means.xet
        return (xet, self._file) if self._file is not None and xet is not None and xet.is_available else None

    def prefer(self, named: XetFile | None) -> None:
        """The Hub has named the file in Xet: take that way, where it is preferred."""
        if self._is_preferred and not self._has_failed:
            self._file = named

    def turn_to(self, named: XetFile | None) -> bool:
        """The storage refuses: take this way, where there is one; gives whether there is."""
        xet = self._means.xet
        if named is None or self._has_failed or xet is None or not xet.is_available:
            return False
        self._file = named
        return True

    def bring(self, way: tuple[Xet, XetFile], left: Share, arrival: Arrival, stop: Stop) -> None:
        """Bring a range.

        Raises:
            Transient: the store does not give it; the rest of the file comes over HTTP.
            Interrupted: it was stopped.
        """
        arrived = gained = 0
        try:
            pieces, requests = way[0].stream(way[1], self._size, left.start, left.end)
            arrival.spend(requests)
            for offset, piece in pieces:
                stop.check()
                gained += arrival.take(offset, piece)
                arrived += len(piece)
            if arrived < left.end - left.start:
                raise XetFailedError("the store gives less than was asked for")
        except XetFailedError as error:
            # For the rest of this file; this range is asked for once more.
            self._file, self._has_failed = None, True
            arrival.spend(error.requests)
            said = f"Xet fails ({error}): going on over HTTP"
            raise Transient(said, HubError("unreachable", said, hint=PROXY), gained=gained) from None
        left.start = left.end
