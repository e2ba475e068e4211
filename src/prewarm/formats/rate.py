"""How fast bytes come, and when the rest will have come. Changes with how it is estimated."""

from __future__ import annotations

from collections import deque

_WINDOW_S = 8.0
_STEP_S = 0.25
_FLOWS_S = 2.0
"""Bytes flow where some came within this time."""


class Rate:
    """Bytes per second, over the last seconds in which bytes came: a pause is no slow line."""

    def __init__(self) -> None:
        self._steps: deque[tuple[float, int]] = deque()
        """(begin of a step, bytes that came in it); steps without bytes are left out."""

    def add(self, count: int, now: float) -> None:
        """``count`` bytes have come; negative where some are void."""
        if self._steps and now - self._steps[-1][0] < _STEP_S:
            began, before = self._steps[-1]
            self._steps[-1] = (began, before + count)
        else:
            self._steps.append((now, count))
        while self._steps and now - self._steps[0][0] > _WINDOW_S:
            self._steps.popleft()

    def flows(self, now: float) -> bool:
        """Whether bytes are coming."""
        return bool(self._steps) and now - self._steps[-1][0] < _FLOWS_S

    def per_s(self, now: float) -> float | None:
        """Bytes per second; None where none are coming, or too few have."""
        if not self.flows(now) or len(self._steps) < 3:
            return None
        # The last step is not over yet.
        came = sum(count for _, count in list(self._steps)[:-1])
        return came / ((len(self._steps) - 1) * _STEP_S) if came > 0 else None

    def left_s(self, count: int, now: float) -> float | None:
        """Seconds until ``count`` more bytes will have come; None where that cannot be told."""
        speed = self.per_s(now)
        return count / speed if speed else None
