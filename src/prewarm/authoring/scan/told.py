"""What a scan tells. Changes with what is told of a line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Found:
    """One model that a line loads."""

    id: str
    call: str
    where: str
    file: str
    line: int
    is_ignored: bool = False
    """Whether the line says ``prewarm: ignore``."""


@dataclass(frozen=True, kw_only=True)
class Unsure:
    """A line that loads what the source does not say."""

    where: str
    said: str
