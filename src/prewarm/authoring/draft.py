"""An entry that is proposed. Changes with what a proposal says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An entry to write."""

    id: str
    keys: Mapping[str, Any] = field(default_factory=dict)
    """Of an advanced entry; empty: a simple one."""
    where: tuple[str, ...] = ()
    """The lines of the application that ask for it, or of the file that names it."""
    comments: tuple[str, ...] = ()
    """What has no key, as lines that stand beside it."""

    @property
    def is_simple(self) -> bool:
        """Whether an id, with a revision at most, says it all."""
        return not set(self.keys) - {"revision"}

    @property
    def table(self) -> dict[str, Any]:
        """Its keys, the id first."""
        return {"id": self.id, **self.keys}
