"""Fixed-window quotas per bucket and caller, as the Hub keeps them. Standard library only."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Quota:
    """How many requests a window allows."""

    requests: int
    window_s: float = 300.0


ANONYMOUS: Mapping[str, Quota] = {
    "api": Quota(requests=500),
    "resolvers": Quota(requests=3000),
    "pages": Quota(requests=100),
}
"""What the Hub allows one address without a token (huggingface.co/docs/hub/rate-limits)."""


def bucket_of(path: str) -> str:
    """The bucket that a request of ``path`` is counted in."""
    if "/resolve/" in path:
        return "resolvers"
    return "api" if path.startswith("/api/") else "pages"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the quota says to one request."""

    allowed: bool
    headers: Mapping[str, str]


class Quotas:
    """Counts requests per bucket and caller.

    Args:
        quotas: per bucket; a bucket that is not named is not limited.
        policy_header: whether answers carry ``RateLimit-Policy``.
        header: whether answers carry ``RateLimit``.
        retry_after: makes the ``Retry-After`` value of a refusal from the seconds to wait; None: no such header.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        quotas: Mapping[str, Quota] = ANONYMOUS,
        *,
        header: bool = True,
        policy_header: bool = True,
        retry_after: Callable[[float], str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.quotas = dict(quotas)
        self._header = header
        self._policy_header = policy_header
        self._retry_after = retry_after
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[tuple[str, str], tuple[float, int]] = {}

    def charge(self, bucket: str, caller: str) -> Decision:
        """Count one request of ``caller`` in ``bucket``."""
        quota = self.quotas.get(bucket)
        if quota is None:
            return Decision(allowed=True, headers={})
        now = self._clock()
        with self._lock:
            start, used = self._windows.get((bucket, caller), (now, 0))
            if now - start >= quota.window_s:
                start, used = now, 0
            allowed = used < quota.requests
            used += allowed
            self._windows[bucket, caller] = (start, used)
        left_s = max(0.0, start + quota.window_s - now)
        headers = {}
        if self._header:
            headers["RateLimit"] = f'"{bucket}";r={quota.requests - used};t={math.ceil(left_s)}'
        if self._policy_header:
            headers["RateLimit-Policy"] = f'"fixed window";"{bucket}";q={quota.requests};w={math.ceil(quota.window_s)}'
        if not allowed and self._retry_after is not None:
            headers["Retry-After"] = self._retry_after(left_s)
        return Decision(allowed=allowed, headers=headers)
