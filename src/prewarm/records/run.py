"""How a command of the application's ended. Changes with what is said of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """One run of a command."""

    exit_code: int | None
    """Negative: the signal that ended it; None: it took too long."""
    last_words: str
    """The last lines that it wrote, on any stream."""
    elapsed_s: float

    @property
    def has_passed(self) -> bool:
        """Whether it ended well."""
        return self.exit_code == 0

    @property
    def how(self) -> str:
        """How it ended, in a few words."""
        if self.exit_code is None:
            return "took too long"
        return f"was ended by signal {-self.exit_code}" if self.exit_code < 0 else f"ended with {self.exit_code}"


@dataclass(frozen=True, kw_only=True, slots=True)
class RememberedRun:
    """What earlier runs have found out about a command as it is now."""

    is_proven: bool
    why: str = ""
    """Why not."""
