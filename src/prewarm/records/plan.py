"""What is to be done, and what it has cost. Changes with what a fetch is told and tells."""

from __future__ import annotations

from dataclasses import dataclass

from prewarm.records.listing import RepoFile
from prewarm.records.lock import LockedEntry, LockedRepo


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What to do for one entry now: the lock's files less what the cache holds."""

    locked: LockedEntry
    missing: tuple[tuple[LockedRepo, RepoFile], ...]

    @property
    def missing_bytes(self) -> int:
        """Bytes to fetch."""
        return sum(file.size for _, file in self.missing)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """What bringing files into the cache cost."""

    bytes: int = 0
    """Bytes received, those of failed tries included."""
    requests: int = 0
    """Requests that the Hub meters: ``api`` and ``resolvers``."""
    waited_s: float = 0.0
    """Seconds spent waiting for a rate limit."""

    def __add__(self, other: Fetched) -> Fetched:
        return Fetched(
            bytes=self.bytes + other.bytes,
            requests=self.requests + other.requests,
            waited_s=self.waited_s + other.waited_s,
        )
