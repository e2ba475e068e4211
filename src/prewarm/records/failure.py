"""What happened to an entry that failed. Changes when there is a new kind of failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ErrorKind = Literal[
    "not-found",
    "gated",
    "unauthorized",
    "rate-limited",
    "unreachable",
    "corrupt",
    "needs-remote-code",
    "unsafe",
    "load-error",
    "export-error",
    "no-space",
    "timeout",
    "internal",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """What happened to an entry, and what to do."""

    kind: ErrorKind
    """One word of what went wrong; ``prewarm explain`` has a page for each."""
    message: str
    """What happened, in a sentence."""
    hint: str
    """What to type or change next, a line or more; empty where nothing helps."""
    trace: str = ""
    """The traceback of the process that loaded it, for ``-v``; empty for failures elsewhere."""
    retry_in_s: float = 0.0
    """Seconds until what is in the way is known to have passed."""

    @property
    def said(self) -> str:
        """What happened, in a line."""
        return f"{self.kind}: {self.message}"
