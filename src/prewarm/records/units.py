"""Quantities as text. Changes with how people read them."""

from __future__ import annotations

_BYTES = ("B", "kB", "MB", "GB", "TB")


def size(count: float) -> str:
    """Bytes in decimal units, as the Hub shows them: ``91.6 MB``."""
    step = 0
    while abs(count) >= 999.5 and step < len(_BYTES) - 1:
        count, step = count / 1000, step + 1
    return f"{count:.{min(step, 1)}f} {_BYTES[step]}"


def duration(seconds: float) -> str:
    """Seconds as ``0.4 s``, ``12 s``, ``3:07`` or ``1:02:03``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def plural(count: int, noun: str) -> str:
    """``1 file``, ``2 files``, ``2 entries``."""
    many = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count:,} {noun if count == 1 else many}"
