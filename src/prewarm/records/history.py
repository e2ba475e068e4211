"""What earlier runs found out, a row each. Changes with what a row holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

RowKind = Literal["proof", "try", "load", "audit", "export"]
Trend = Literal["worse", "better", "not compared"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One thing that was found out about an entry at a commit."""

    at: str
    """When, in UTC, as ISO 8601 has it."""
    kind: RowKind
    entry: str
    """Its name, or its id."""
    commit: str
    """Empty: it has none, as a server elsewhere."""
    result: str
    """``proven``, ``passed``, ``made``, or ``failed``, or a kind of error."""
    versions: Mapping[str, str | None] = field(default_factory=dict, hash=False)
    machine: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What was measured: by name, as JSON can say it."""

    @property
    def of(self) -> tuple[RowKind, str]:
        """What it is comparable with: its kind, and the set of cases that was tried; empty: the manifest's samples."""
        return self.kind, str(self.figures.get("cases") or "") if self.kind == "try" else ""

    @property
    def is_good(self) -> bool:
        """Whether it came out as it should."""
        return self.result in ("proven", "cached", "passed", "made", "whole", "held", "clean")


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """What somebody wrote about a version."""

    at: str
    entry: str
    commit: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """All that is known of an entry at a commit."""

    entry: str
    commit: str
    rows: tuple[Row, ...]
    """The oldest first."""
    notes: tuple[Note, ...] = ()

    def last(self, kind: RowKind) -> Row | None:
        """The newest row of a kind."""
        return next((row for row in reversed(self.rows) if row.kind == kind), None)

    @property
    def newest(self) -> tuple[Row, ...]:
        """The newest row of each kind, and of each set of cases, in the order of the kinds."""
        found = {row.of: row for row in self.rows}
        return tuple(found[of] for of in sorted(found, key=lambda of: (get_args(RowKind).index(of[0]), of[1])))


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One thing that is otherwise at another commit."""

    what: str
    before: str
    after: str
    trend: Trend
