"""How fast bytes have to come. Changes never."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Speed:
    """So many bytes within a window; whoever sends less is too slow."""

    bytes_per_s: float
    """0: anything is fast enough."""
    window_s: float
    """Seconds over which it is measured."""

    @property
    def bytes(self) -> float:
        """Bytes of a whole window."""
        return self.bytes_per_s * self.window_s


ORDINARY = Speed(bytes_per_s=1000.0, window_s=60.0)
"""Less than any line that is of use."""
