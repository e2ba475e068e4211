"""The governor: keeps all workers inside the Hub's quotas. Changes with who has to wait for what.

Every answer says how many requests are left in its bucket's window, and when that resets. At zero all workers wait for
the reset, and no request is spent on a refusal.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from prewarm.flow.stop import Stop
from prewarm.hub.bucket import MARGIN_S, Bucket
from prewarm.hub.limit_headers import parse_limit, parse_policy, parse_retry_after
from prewarm.hub.shared_windows import Window, Windows
from prewarm.records.errors import HubError, Interrupted
from prewarm.records.events import LimitForeseen, Observer, Waiting

_BLIND_WAIT_MAX_S = 60.0
_ROUNDING_S = 1.0
_ALSO_LATER = frozenset({408, 425, 500, 502, 503, 504})
_TOO_OFTEN = 3
"""Refusals in a row after each of which it was to be over at once."""
_ANSWER_S = 0.5
# How long other processes wait for the word of the one that finds out what a new window allows.
_FIND_OUT_S = 1.0
# A wait that was told is told again when it has grown by this much, as more plans are made.
_WORTH_TELLING = 1.5


class Governor:
    """Lets requests pass while their bucket has some left.

    Args:
        max_wait_s: the longest that all waiting may take together.
        observe: is told of every wait, once.
        stop: ends every wait.
        shared: what other processes know of the windows; None: nothing is shared.
        clock: seconds that only grow.
        wall_clock: seconds since the epoch.
    """

    def __init__(
        self,
        max_wait_s: float,
        observe: Observer,
        *,
        stop: Stop | None = None,
        shared: Windows | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._max_wait_s = max_wait_s
        self._observe = observe
        self._stop = stop or Stop()
        self._shared = shared
        self._clock = clock
        self._wall_clock = wall_clock
        self._changed = threading.Condition()
        self._buckets: dict[str, Bucket] = {}
        self._waiting: dict[str, int] = {}
        self._waits: dict[str, tuple[float, float]] = {}
        """By bucket, when a wait began, and for how long it was to be."""
        self._waited_s = 0.0
        self._promised_s = 0.0

    @property
    def waited_s(self) -> float:
        """Seconds of waiting so far; workers that wait together count once."""
        with self._changed:
            now = self._clock()
            return self._waited_s + sum(now - began for began, _ in self._waits.values())

    def admit(self, name: str, stop: Stop | None = None) -> None:
        """Wait until ``name`` has a request left, and take it.

        Args:
            name: of the bucket.
            stop: ends the waiting; None: the run's.

        Raises:
            HubError: ``rate-limited``, where the wait would exceed what is allowed.
            Interrupted: it was stopped.
        """
        stop = stop or self._stop
        with self._changed:
            bucket = self._bucket(name)
            self._waiting[name] = self._waiting.get(name, 0) + 1
            try:
                while not self._has_room(name, bucket, now := self._clock()):
                    stop.check()
                    wait_s = bucket.wait_s(now)
                    if wait_s is not None:
                        if bucket.is_doubtful(wait_s):
                            break
                        self._begin_wait(name, wait_s, now)
                    self._changed.wait(min(_ANSWER_S, _ANSWER_S if wait_s is None else wait_s))
                stop.check()
                self._end_wait(name)
            finally:
                self._waiting[name] -= 1
                if not self._waiting[name]:
                    # Nobody waits any more, though the limit has not reset.
                    self._end_wait(name)
            bucket.in_flight += 1
            bucket.expected = max(0, bucket.expected - 1)

    def expect(self, name: str, count: int) -> None:
        """Plans need ``count`` more requests: where the window has not so many left, the wait is told.

        It is told once more where it turns out to take much longer.
        """
        with self._changed:
            bucket = self._bucket(name)
            bucket.expected += count
            if self._shared is not None and not _is_origin(name):
                self._hear(name, bucket)
            self._foresee(name, bucket)

    def let_pass(self, name: str) -> None:
        """Hold a request back that somebody else in this process sends, as long as this run may wait at all."""
        try:
            self.admit(name)
        except (HubError, Interrupted):
            # Whose request it is gets the Hub's own answer.
            return
        # Whether it is answered is not known here: it counts as sent from now on.
        self.learn(name, [])

    def overhear(self, name: str, headers: Mapping[str, str]) -> None:
        """Take in what the answer to such a request says."""
        with self._changed:
            self._bucket(name).in_flight += 1
        self.learn(name, [headers])

    @contextmanager
    def request(self, name: str, stop: Stop | None = None) -> Iterator[Callable[[Iterable[Mapping[str, str]]], None]]:
        """Admit one request; gives what takes in its answer's hops, and takes in that there was none.

        Raises:
            HubError: as ``admit``.
            Interrupted: as ``admit``.
        """
        self.admit(name, stop)
        is_answered = False

        def answered(hops: Iterable[Mapping[str, str]]) -> None:
            nonlocal is_answered
            is_answered = True
            self.learn(name, hops)

        try:
            yield answered
        finally:
            if not is_answered:
                self.learn(name, [])

    def learn(self, name: str, hops: Iterable[Mapping[str, str]]) -> None:
        """Take in what the hops of an admitted request's answer say; none, where it had no answer."""
        with self._changed:
            own = self._bucket(name)
            own.in_flight = max(0, own.in_flight - 1)
            heard = list(hops)
            said = [limit for limit in map(parse_limit, heard) if limit is not None]
            for bucket_name, remaining, reset_s in said:
                bucket = self._bucket(bucket_name)
                bucket.take_in(remaining, self._clock() + reset_s + bucket.margin_s, self._clock(), is_told=True)
                self._tell(bucket_name, bucket)
            for policy in filter(None, map(parse_policy, heard)):
                bucket = self._bucket(policy[0])
                bucket.quota, bucket.window_s = policy[1:]
            self._foresee(name, own)
            own.is_silent = own.is_silent or (bool(heard) and not said)
            if not said and own.remaining is not None:
                # It may have been counted all the same.
                own.remaining = max(0, own.remaining - 1) if own.resets_at > self._clock() else None
            self._changed.notify_all()

    def heed(self, name: str, status: int, headers: Mapping[str, str]) -> None:
        """Take in whether an answer asks to come back later: a 429, or another error with ``Retry-After``."""
        if status == 429 or (status in _ALSO_LATER and parse_retry_after(headers, self._wall_clock()) is not None):
            self.refuse(name, headers)
        else:
            with self._changed:
                self._bucket(name).refusals = 0

    def refuse(self, name: str, headers: Mapping[str, str]) -> None:
        """Take in a refusal: nothing is sent in this bucket before the origin's word, or a growing guess, is over."""
        with self._changed:
            bucket = self._bucket(name)
            bucket.refusals += 1
            said = parse_limit(headers)
            wait_s = said[2] if said is not None and said[1] == 0 else parse_retry_after(headers, self._wall_clock())
            guess_s = min(_BLIND_WAIT_MAX_S, random.uniform(0.5, 1.0) * 2.0 ** min(bucket.refusals, 8))  # noqa: S311
            if wait_s is None:
                wait_s = guess_s
            elif wait_s <= _ROUNDING_S and bucket.refusals > _TOO_OFTEN:
                # Again and again over at once: its word cannot be taken.
                wait_s = guess_s
            elif wait_s <= _ROUNDING_S:
                # This Hub rounds its seconds down: what it calls over has a part of one to go.
                bucket.margin_s = MARGIN_S + _ROUNDING_S
            until = self._clock() + wait_s + bucket.margin_s
            bucket.closed_until = max(bucket.closed_until, until)
            bucket.remaining, bucket.resets_at = 0, bucket.closed_until
            self._tell(name, bucket)
            self._changed.notify_all()

    def _bucket(self, name: str) -> Bucket:
        # An origin that is no Hub has no quota that it would name: its requests go until it refuses one.
        return self._buckets.setdefault(name, Bucket(is_silent=_is_origin(name)))

    def _has_room(self, name: str, bucket: Bucket, now: float) -> bool:
        if self._shared is None or _is_origin(name):
            return bucket.has_room(now)
        ahead = self._wall_clock() - now

        def take(window: Window | None) -> tuple[bool, Window | None]:
            if window is not None:
                bucket.take_in(window.remaining, window.resets_at - ahead, now)
            if not bucket.has_room(now):
                return False, window
            if bucket.remaining is None or bucket.resets_at <= now:
                # The request that finds out what a new window allows: other processes wait for its word.
                return True, Window(remaining=0, resets_at=now + ahead + _FIND_OUT_S) if window is not None else None
            return True, Window(remaining=bucket.remaining - 1, resets_at=bucket.resets_at + ahead)

        return self._shared.change(name, take)

    def _hear(self, name: str, bucket: Bucket) -> None:
        assert self._shared is not None
        ahead = self._wall_clock() - self._clock()

        def hear(window: Window | None) -> tuple[None, None]:
            if window is not None:
                bucket.take_in(window.remaining, window.resets_at - ahead, self._clock())
            return None, None

        self._shared.change(name, hear)

    def _foresee(self, name: str, bucket: Bucket) -> None:
        left, wait_s = bucket.foreseen(self._clock())
        if wait_s > bucket.foreseen_s * _WORTH_TELLING:
            bucket.foreseen_s = wait_s
            self._observe(
                LimitForeseen(
                    bucket=name,
                    requests=bucket.expected,
                    remaining=left,
                    wait_s=wait_s,
                    max_wait_s=max(0.0, self._max_wait_s - self._promised_s),
                )
            )

    def _tell(self, name: str, bucket: Bucket) -> None:
        if self._shared is None or bucket.remaining is None or _is_origin(name):
            return
        told = Window(remaining=bucket.remaining, resets_at=bucket.resets_at + self._wall_clock() - self._clock())
        now = self._wall_clock()
        self._shared.change(name, lambda window: (True, told.merged(window, now)))

    def _begin_wait(self, name: str, wait_s: float, now: float) -> None:
        if name in self._waits:
            return
        if self._promised_s + wait_s > self._max_wait_s:
            raise self._too_long(name, wait_s)
        self._promised_s += wait_s
        self._waits[name] = (now, wait_s)
        self._observe(Waiting(bucket=name, wait_s=wait_s))

    def _too_long(self, name: str, wait_s: float) -> HubError:
        said = f"{name} asks to come back" if _is_origin(name) else f"the Hub's limit on '{name}' resets"
        hint = "run it again later, what has arrived is kept; or raise --max-wait"
        if not _is_origin(name):
            hint += ", or set HF_TOKEN"
            if self._shared is not None:
                hint += f"; what is remembered of the limits stands in {self._shared.path}"
        said = f"{said} in {wait_s:.0f} s, and max_wait is {self._max_wait_s:.0f} s"
        return HubError("rate-limited", said, hint=hint, retry_in_s=wait_s)

    def _end_wait(self, name: str) -> None:
        began, promised_s = self._waits.pop(name, (None, 0.0))
        if began is not None:
            waited_s = self._clock() - began
            self._waited_s += waited_s
            self._promised_s -= max(0.0, promised_s - waited_s)


def _is_origin(name: str) -> bool:
    """Whether a bucket is an origin of its own, and none of the Hub's."""
    return "://" in name
