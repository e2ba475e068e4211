"""Brings one file: its missing ranges over as many connections as are idle. Changes with how bytes are asked for.

The resolver is asked once; ranges then go to the origin that it names, which is not metered. A Hub or a mirror that
answers with the bytes itself gets one connection, since every further range would be one more metered request there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

from prewarm.flow.ports import SMALL_BYTES, Sink
from prewarm.flow.stop import Stop
from prewarm.hub import session
from prewarm.hub.arrival import Arrival
from prewarm.hub.means import Means
from prewarm.hub.range_answer import PROXY, refuses_ranges, start_of
from prewarm.hub.resolver import Elsewhere
from prewarm.hub.retry import retrying
from prewarm.hub.shares import Share, Shares
from prewarm.hub.storage import Answer, gathering
from prewarm.hub.transport_errors import Transient, origin_of
from prewarm.hub.xet_way import XetWay
from prewarm.records.errors import CacheError, HubError, Interrupted
from prewarm.records.listing import RepoFile
from prewarm.records.lock import LockedRepo
from prewarm.records.plan import Fetched
from prewarm.records.ranges import total

PARALLEL_BYTES = 8 << 20
"""Files from this size on are fetched in several ranges at once."""
XET_RANGE_MAX_BYTES = 4 << 20
"""Over Xet a range is given as a whole or nearly so: what a kill loses is one for every connection."""
FAST_BYTES_PER_S = 300_000_000
"""From here on the work per byte is the limit, and connections beyond some are in each other's way."""
FAST_HELPERS = 3
_MEASURED_S = 0.1
FRESH_S = 10.0
"""An address that the Hub has named a shorter time ago, and that has given nothing, has not expired: it is refused."""
WHOLE_ATTEMPTS = 3
"""Tries of a file that arrives whole and wrong."""


class Transfer:
    """One file on its way.

    Args:
        means: what every transfer shares.
        repo: where the file is.
        file: what the listing says of it.
        sink: takes the bytes.
        received: is told the bytes of every piece, negative ones where they are void.
        stop: ends it.
    """

    def __init__(
        self, means: Means, repo: LockedRepo, file: RepoFile, sink: Sink, received: Callable[[int], None], stop: Stop
    ) -> None:
        self._means = means
        self._stop = stop
        self._repo = replace(repo.repo, revision=repo.commit)
        self._file = file
        self._sink = sink
        self._arrival = Arrival(sink, received)
        self._what = f"{repo.repo.repo_id}/{file.path}"
        kind = "datasets/" if repo.repo.repo_type == "dataset" else ""
        repo_id = repo.served_as or repo.repo.repo_id
        self._url = f"{means.endpoint}/{kind}{repo_id}/resolve/{repo.commit}/{quote(file.path)}"
        self._lock, self._resolving = threading.Lock(), threading.Lock()
        self._patience = means.patience.until(stop)
        self._elsewhere: Elsewhere | None = None
        self._named_s = 0.0
        """When the Hub has named that address."""
        self._is_good = False
        """Whether that address has given bytes."""
        self._was_refused = False
        """Whether an address was refused that cannot have expired: it is tried once more, which is not metered."""
        self._takes_ranges = True
        is_large = file.size >= PARALLEL_BYTES
        self._xet = XetWay(means, file, is_large=is_large)
        self._shares = Shares(is_divided=is_large)
        self._helping, self._began_s, self._began_bytes = 0, 0.0, 0
        self._failure: BaseException | None = None

    @property
    def spent(self) -> Fetched:
        """What it has cost so far."""
        return self._arrival.spent

    def run(self) -> None:
        """Bring the file, and let the sink give it its name.

        Raises:
            HubError: it cannot be had, or is wrong again and again.
            CacheError: it cannot be written.
        """
        missing = self._sink.missing()
        self._arrival.count(self._file.size - total(missing))
        retrying(
            self._whole,
            what=self._what,
            observe=self._means.observe,
            stop=self._stop,
            patience=self._patience,
            attempts=WHOLE_ATTEMPTS,
        )

    def _whole(self) -> None:
        # Not while the rest is hashed and the disk takes it: the line goes on meanwhile.
        with (self._means.small if self._file.size <= SMALL_BYTES else self._means.connections).one(self._stop):
            while isinstance(failure := self._bring_all(), _NoRangesError):
                # Once more, with one connection and without ranges.
                continue
        if failure is not None:
            raise failure
        try:
            self._sink.finish()
        except CacheError as error:
            if error.kind != "corrupt":
                raise
            self._arrival.void()
            raise Transient(error.message, HubError("corrupt", error.message, hint=error.hint)) from None

    def _bring_all(self) -> BaseException | None:
        self._shares.put(self._sink.missing())
        self._fail(None)
        self._began_s, self._began_bytes = time.monotonic(), self._arrival.spent.bytes
        helpers: list[threading.Thread] = []
        try:
            self._work(helpers)
        except BaseException as error:  # noqa: BLE001 (raised again when the helpers have ended)
            self._fail(error)
        for helper in helpers:
            helper.join()
        return self._failure

    def _work(self, helpers: list[threading.Thread] | None) -> None:
        while self._failure is None and (left := self._shares.take(self._hands(), self._most())) is not None:

            def attempt(left: Share = left) -> None:
                self._bring(left, helpers)

            retrying(
                attempt,
                what=self._what,
                observe=self._means.observe,
                stop=self._stop,
                patience=self._patience,
            )
            if helpers is None and (self._means.connections.is_wanted() or self._has_helpers(FAST_HELPERS + 1)):
                return

    def _help(self) -> None:
        try:
            self._work(None)
        except BaseException as error:  # noqa: BLE001 (raised again where the helpers are joined)
            self._fail(error)
        finally:
            with self._lock:
                self._helping -= 1
            self._means.connections.give_back()

    def _recruit(self, helpers: list[threading.Thread]) -> None:
        while self._failure is None and self._shares.has_more() and not self._has_helpers(FAST_HELPERS):
            if not self._means.connections.take_idle():
                return
            helper = threading.Thread(target=self._help, name="range")
            with self._lock:
                self._helping += 1
            try:
                helper.start()
            except RuntimeError:
                # The system gives no more threads: those that there are go on.
                with self._lock:
                    self._helping -= 1
                self._means.connections.give_back()
                return
            helpers.append(helper)

    def _has_helpers(self, enough: int) -> bool:
        """Whether there are ``enough`` helpers for a line that is not the limit."""
        with self._lock:
            took_s = time.monotonic() - self._began_s
            is_fast = took_s > _MEASURED_S and self._arrival.spent.bytes - self._began_bytes > took_s * FAST_BYTES_PER_S
            return is_fast and self._helping >= enough

    def _hands(self) -> int:
        return self._means.connections.hands(self._helping)

    def _most(self) -> int:
        return XET_RANGE_MAX_BYTES if self._xet.is_taken else self._means.range_max_bytes

    def _fail(self, error: BaseException | None) -> None:
        with self._lock:
            if self._failure is None or error is None or isinstance(error, Interrupted):
                self._failure = error

    # --- One range -------------------------------------------------------------------------------------------------

    def _bring(self, left: Share, helpers: list[threading.Thread] | None) -> None:
        with self._resolving:
            if self._elsewhere is None and self._resolve(left):
                return
            named = self._elsewhere
        assert named is not None
        if helpers is not None:
            self._recruit(helpers)
        if (way := self._xet.find()) is not None:
            self._xet.bring(way, left, self._arrival, self._stop)
            return
        wanted = session.headers(None)
        if self._takes_ranges and left.end - left.start < self._file.size:
            wanted["Range"] = f"bytes={left.start}-{left.end - 1}"
        origin = origin_of(named.url)
        with (
            self._means.governor.request(origin, self._stop) as answered,
            self._means.storage.get(named.url, wanted, self._patience) as reply,
        ):
            answered([reply.headers])
            self._means.governor.heed(origin, reply.status, reply.headers)
            if "Range" in wanted:
                self._check_ranges(reply, left)
            self._check_storage(reply, named)
            self._drain(reply, left)

    def _resolve(self, left: Share) -> bool:
        """Ask the Hub where the file is; gives whether it has answered with the bytes themselves."""
        start = left.start if self._takes_ranges else 0
        with (
            self._means.gates.passing(self._repo, self._stop) as opened,
            self._means.resolver.ask(self._url, start, self._arrival.spend, self._patience) as found,
        ):
            if isinstance(found, Elsewhere):
                opened()
                self._elsewhere, self._named_s, self._is_good = found, time.monotonic(), False
                self._xet.prefer(found.xet)
                return False
            if start:
                self._check_ranges(found.reply, left)
            self._means.refusals.check(found.reply, self._repo, path=self._file.path)
            opened()
            self._shares.take_rest(left)
            self._drain(gathering(found.reply), left)
            return True

    def _check_ranges(self, reply: Answer, left: Share) -> None:
        is_refused = refuses_ranges(reply, self._file, left)
        if is_refused:
            self._takes_ranges = False
        if is_refused or (reply.status == 200 and self._shares.is_divided):
            # Several connections may be at it: begin again with one, once they have ended.
            self._shares.undivide()
            raise _NoRangesError

    def _check_storage(self, reply: Answer, named: Elsewhere) -> None:
        is_fresh = not self._is_good and time.monotonic() - self._named_s < FRESH_S
        if reply.status == 403 and is_fresh and not self._was_refused:
            self._was_refused = True
            said = f"{origin_of(named.url)} refuses {self._what}"
            raise Transient(said, HubError("unreachable", said, hint=PROXY))
        try:
            self._means.refusals.check_storage(reply, self._what, is_fresh=is_fresh)
        except Transient:
            if reply.status == 403 and self._elsewhere is named:
                # The signature has expired: the next try asks for a new one.
                self._elsewhere = None
            raise
        except HubError as error:
            if not self._xet.turn_to(named.xet):
                raise
            raise Transient(f"{error.message}: going on over Xet", error) from None
        self._is_good = True

    def _drain(self, reply: Answer, left: Share) -> None:
        at = start_of(reply, self._file, left)
        gained = 0
        if reply.status != 206:
            # It knows no ranges, or was asked for none: this one connection takes the whole file.
            self._shares.take_rest(left)
        try:
            for piece in reply.pieces():
                if self._failure is not None:
                    return
                kept = piece[: left.end - at] if at + len(piece) > left.end else piece
                gained += self._arrival.take(at, kept)
                at += len(kept)
                left.start = max(left.start, at)
                if at >= left.end:
                    return
        except Transient as broken:
            raise broken.having(gained) from None
        said = f"{origin_of(reply.url)} ends the file too early"
        raise Transient(said, HubError("corrupt", f"{self._what}: {said}", hint=PROXY), gained=gained)


class _NoRangesError(Exception):
    """The origin answers with the whole file, whatever range it is asked for."""
