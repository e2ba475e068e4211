"""What a doctor has looked at, and what it found. Changes with what is said of one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["fine", "note", "wrong"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Examined:
    """One thing that was looked at."""

    topic: str
    """A word or two: ``token``, ``cache``."""
    said: str
    state: State = "fine"
    hint: str = ""
    """The command that mends it; empty where nothing has to be."""
