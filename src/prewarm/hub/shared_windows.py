"""What the processes of one user on one machine know together of the Hub's windows. Changes with what they share."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, TypeVar

Result = TypeVar("Result")
_LOCK_S = 1.0
# Two speak of the same window where the resets that they name are this near to each other.
_SAME_WINDOW_S = 1.5
LONGEST_S = 3600.0
"""No window is longer; the Hub's are of 5 minutes. What is remembered beyond that was wrong, or the clock was set."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """What is left of a bucket's window."""

    remaining: int
    resets_at: float
    """Seconds: since the epoch where it is shared, of the governor's clock inside of it."""

    def merged(self, other: Window | None, now: float) -> Window:
        """What both know, where this is the newer word: the later window, and the lesser rest of the same one.

        Two windows cannot both be open: where the older word names a later reset than one that is still to come, it
        was wrong, or the clock was set.
        """
        if other is None or self.resets_at > other.resets_at + _SAME_WINDOW_S:
            return self
        if other.resets_at > self.resets_at + _SAME_WINDOW_S:
            return self if self.resets_at > now + _SAME_WINDOW_S else other
        return Window(remaining=min(self.remaining, other.remaining), resets_at=min(self.resets_at, other.resets_at))


class Windows(Protocol):
    """What others know of the windows as well."""

    @property
    def path(self) -> object:
        """Where it is remembered, in words for people."""

    def change(self, name: str, work: Callable[[Window | None], tuple[Result, Window | None]]) -> Result:
        """Let ``work`` see a bucket's window and give a new one, while nobody else does."""


class SharedWindows:
    """A small file that every process reads before a request, and writes after an answer.

    Where it cannot be read, written or locked, each process counts for itself.

    Args:
        home: ``HF_HOME``.
        endpoint: the Hub's address.
        token: the user's; each token has windows of its own. Only a hash of it is kept.
    """

    def __init__(self, home: Path, endpoint: str, token: str | None) -> None:
        key = hashlib.sha256(f"{endpoint} {token or ''}".encode()).hexdigest()[:32]
        self._path = home / "prewarm" / f"limits-{key}.json"

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def change(self, name: str, work: Callable[[Window | None], tuple[Result, Window | None]]) -> Result:
        """Let ``work`` see a bucket's window and give a new one, while nobody else does."""
        from filelock import FileLock, Timeout

        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self._path}.lock", timeout=_LOCK_S):
                windows = self._read()
                before = windows.get(name)
                result, after = work(before)
                if after is not None and after != before:
                    windows[name] = after
                    self._path.write_text(json.dumps({key: asdict(window) for key, window in windows.items()}))
                return result
        except (OSError, NotImplementedError, Timeout):
            return work(None)[0]

    def _read(self) -> dict[str, Window]:
        try:
            said = json.loads(self._path.read_text(encoding="utf-8"))
            found = {
                str(name): Window(remaining=int(window["remaining"]), resets_at=float(window["resets_at"]))
                for name, window in said.items()
            }
            latest = time.time() + LONGEST_S
            return {name: window for name, window in found.items() if 0 <= window.resets_at <= latest}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            return {}
