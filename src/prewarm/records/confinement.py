"""By what a process was confined that ran others' code. Changes with what is said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

ConfinementMode: TypeAlias = Literal["strongest", "required", "none"]
"""``strongest``: by what the machine has; ``required``: code of repositories is refused where something is lacking."""


FILES = "files of this account can be read and written"
PROCESSES = "further processes can be started, and outlive it"
NETWORK = "the network can be reached"
SAME_PORT = "other hosts can be reached at one port"
MEMORY = "memory is not bounded"
SIGNALS = "signals can be sent to processes of this account"
SWITCHED_OFF = "it is not confined: that is switched off"


@dataclass(frozen=True, kw_only=True, slots=True)
class Confinement:
    """What held a process, and what did not."""

    by: tuple[str, ...] = ()
    """The means: ``Landlock``, ``seccomp``, ``a network of its own``, ``limits``."""
    lacks: tuple[str, ...] = ()
    """What it could have done all the same, in words."""

    @property
    def keeps_files(self) -> bool:
        """Whether the system kept what is not its own from being written."""
        return not {FILES, SWITCHED_OFF} & set(self.lacks)
