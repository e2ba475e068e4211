"""The governor: keeps all workers inside the Hub's quotas. Changes with how the Hub announces its limits.

Every answer's ``RateLimit`` header (huggingface.co/docs/hub/rate-limits; draft-ietf-httpapi-ratelimit-headers) says
how many requests are left in the bucket's window and when it resets. At zero all workers wait for the reset, and no
request is spent on a refusal.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from prewarm.errors import HubError, Interrupted
from prewarm.observe import Observer, Waiting

_LIMIT = re.compile(r'"?([\w-]+)"?\s*;\s*r=(\d+)\s*;\s*t=(\d+(?:\.\d+)?)')
_BLIND_WAIT_MAX_S = 60.0
# The header's seconds are whole: a request right at the end of the last one would still be in the old window.
_MARGIN_S = 0.25


@dataclass
class _Bucket:
    left: int | None = None
    """Requests that the window still allows; None: not known."""
    resets_at: float = 0.0
    closed_until: float = 0.0
    in_flight: int = 0
    blind_refusals: int = 0


def parse_limit(headers: Mapping[str, str]) -> tuple[str, int, float] | None:
    """(bucket, requests left, seconds to the reset) of a ``RateLimit`` header, or None."""
    match = _LIMIT.search(headers.get("RateLimit") or headers.get("ratelimit") or "")
    return (match[1], int(match[2]), float(match[3])) if match else None


def parse_retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds of a ``Retry-After`` header, given in seconds or as a date (RFC 9110, 10.2.3), or None.

    Args:
        headers: of the answer.
        now: seconds since the epoch.
    """
    text = (headers.get("Retry-After") or headers.get("retry-after") or "").strip()
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (TypeError, ValueError):
        return None


class Governor:
    """Lets requests pass while their bucket has some left.

    Args:
        max_wait_s: the longest that all waiting may take together.
        observe: is told of every wait, once.
        clock: seconds that only grow.
        wall_clock: seconds since the epoch.
    """

    def __init__(
        self,
        max_wait_s: float,
        observe: Observer,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._max_wait_s = max_wait_s
        self._observe = observe
        self._clock = clock
        self._wall_clock = wall_clock
        self._changed = threading.Condition()
        self._buckets: dict[str, _Bucket] = {}
        self._waits: dict[str, float] = {}
        self._waited_s = 0.0
        self._promised_s = 0.0
        self._stopped = False

    @property
    def waited_s(self) -> float:
        """Seconds of waiting so far; workers that wait together count once."""
        with self._changed:
            now = self._clock()
            return self._waited_s + sum(now - began for began in self._waits.values())

    def stop(self) -> None:
        """End every wait with Interrupted."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def admit(self, name: str) -> None:
        """Wait until ``name`` has a request left, and take it.

        Raises:
            HubError: ``rate-limited``, where the wait would exceed what is allowed.
            Interrupted: the run was stopped.
        """
        with self._changed:
            bucket = self._buckets.setdefault(name, _Bucket())
            while True:
                if self._stopped:
                    raise Interrupted
                now = self._clock()
                closed_s = self._closed_for(bucket, now)
                if closed_s <= 0:
                    break
                if bucket.in_flight and bucket.closed_until <= now:
                    # Answers that are on their way will tell how many are really left.
                    self._changed.wait(min(closed_s, 0.5))
                    continue
                self._begin_wait(name, closed_s, now)
                self._changed.wait(closed_s)
            self._end_wait(name)
            bucket.in_flight += 1
            if bucket.left is not None:
                bucket.left -= 1

    def learn(self, name: str, hops: Iterable[Mapping[str, str]]) -> None:
        """Take in what the hops of an admitted request's answer say; none, where it had no answer."""
        with self._changed:
            own = self._buckets.setdefault(name, _Bucket())
            own.in_flight = max(0, own.in_flight - 1)
            for said in filter(None, map(parse_limit, hops)):
                bucket = self._buckets.setdefault(said[0], _Bucket())
                bucket.left = said[1] - bucket.in_flight
                bucket.resets_at = self._clock() + said[2] + _MARGIN_S
            self._changed.notify_all()

    def refuse(self, name: str, headers: Mapping[str, str]) -> None:
        """Take in a 429: nothing is sent in this bucket before the Hub's word, or a growing guess, is over."""
        with self._changed:
            bucket = self._buckets.setdefault(name, _Bucket())
            said = parse_limit(headers)
            wait_s = said[2] if said is not None and said[1] == 0 else parse_retry_after(headers, self._wall_clock())
            if wait_s is None:
                bucket.blind_refusals += 1
                wait_s = min(_BLIND_WAIT_MAX_S, random.uniform(0.5, 1.0) * 2.0**bucket.blind_refusals)  # noqa: S311
            bucket.left = None
            bucket.closed_until = max(bucket.closed_until, self._clock() + wait_s + _MARGIN_S)
            self._changed.notify_all()

    def _closed_for(self, bucket: _Bucket, now: float) -> float:
        if bucket.closed_until > now:
            return bucket.closed_until - now
        if bucket.left is not None and bucket.resets_at <= now:
            bucket.left = None
        return bucket.resets_at - now if bucket.left is not None and bucket.left <= 0 else 0.0

    def _begin_wait(self, name: str, wait_s: float, now: float) -> None:
        if name in self._waits:
            return
        if self._promised_s + wait_s > self._max_wait_s:
            raise HubError(
                "rate-limited",
                f"the Hub's limit on '{name}' resets in {wait_s:.0f} s, and max_wait is {self._max_wait_s:.0f} s",
                hint="run it again later, what has arrived is kept; or raise --max-wait, or set HF_TOKEN",
            )
        self._promised_s += wait_s
        self._waits[name] = now
        self._observe(Waiting(bucket=name, wait_s=wait_s))

    def _end_wait(self, name: str) -> None:
        began = self._waits.pop(name, None)
        if began is not None:
            self._waited_s += self._clock() - began
