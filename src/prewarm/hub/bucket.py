"""What is known of one of the Hub's quotas, and what follows from it. Changes with how windows are counted."""

from __future__ import annotations

import math
from dataclasses import dataclass

from prewarm.hub.shared_windows import Window

# The header's seconds are whole: a request right at the end of the last one could still be in the old window.
MARGIN_S = 0.25
PLAUSIBLE_S = 310.0
"""The Hub's windows are of 5 minutes: a longer wait that is only remembered is found out about by one request."""


@dataclass
class Bucket:
    """What is known of one bucket's window."""

    remaining: int | None = None
    """The least that an answer of this window has named; None: none has."""
    is_silent: bool = False
    """Whether the Hub answers and names no limit."""
    resets_at: float = 0.0
    closed_until: float = 0.0
    """After a refusal: nothing is sent before."""
    in_flight: int = 0
    """Requests without an answer yet; each may take one of those that remain."""
    refusals: int = 0
    """In a row."""
    is_hearsay: bool = False
    """Whether all that is known was remembered by another run: nobody fails on that alone."""
    margin_s: float = MARGIN_S
    quota: int | None = None
    """Requests of a whole window; None: the Hub does not say."""
    window_s: float = 0.0
    expected: int = 0
    """Requests that the plans need, and that have not been sent yet."""
    foreseen_s: float = 0.0
    """The wait that was told last."""

    def is_doubtful(self, wait_s: float) -> bool:
        """Whether nobody should fail on a wait of ``wait_s``: another run has remembered it, and it cannot be."""
        return self.is_hearsay and wait_s > PLAUSIBLE_S

    def has_room(self, now: float) -> bool:
        """Whether one more request may be sent."""
        if self.closed_until > now:
            return False
        if self.remaining is None and self.is_silent:
            return True
        if self.remaining is None or self.resets_at <= now:
            # A window of which nothing is known: one request finds out, as others may use the same address.
            return self.in_flight == 0
        return self.remaining > self.in_flight

    def wait_s(self, now: float) -> float | None:
        """Seconds until there is room for certain; None where an answer on its way may tell earlier."""
        if self.closed_until > now:
            return self.closed_until - now
        return None if self.in_flight else self.resets_at - now

    def foreseen(self, now: float) -> tuple[int, float]:
        """Requests that are left, and seconds that those expected will wait for later windows; 0.0: for none."""
        left = max(0, (self.remaining or 0) - self.in_flight) if self.resets_at > now else self.quota or 0
        if self.remaining is None or self.expected <= left:
            return left, 0.0
        windows = math.ceil((self.expected - left) / self.quota) if self.quota else 1
        return left, max(0.0, self.resets_at - now) + (windows - 1) * self.window_s

    def take_in(self, remaining: int, resets_at: float, now: float, *, is_told: bool = False) -> None:
        """What an answer says, or what is remembered of one; answers may overtake each other.

        Args:
            remaining: requests that are left.
            resets_at: of this process's clock.
            now: of the same.
            is_told: whether an answer to this process says so.
        """
        known = None if self.remaining is None else Window(remaining=self.remaining, resets_at=self.resets_at)
        window = Window(remaining=remaining, resets_at=resets_at)
        # What is remembered is no newer than what an answer has told.
        window = window.merged(known, now) if is_told or known is None else known.merged(window, now)
        self.is_hearsay = not is_told and (known is None or self.is_hearsay)
        self.remaining, self.resets_at = window.remaining, window.resets_at
