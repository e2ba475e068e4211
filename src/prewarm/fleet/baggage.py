"""What a fleet is asked to do, and what goes along to its nodes. Changes with what a node is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from prewarm.fleet.host import Host
from prewarm.fleet.proofs import Prove
from prewarm.records.errors import EntryError


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a fleet is asked to do."""

    nodes: tuple[str, ...]
    """Labels, ids or names of those that are asked for; empty: all."""
    fetchers: int
    """Nodes that ask the Hub."""
    prove: Prove
    watch: bool
    """Whether nodes that join later are served until somebody says stop."""


@dataclass(frozen=True, kw_only=True)
class Baggage:
    """What goes along to the nodes."""

    make: Callable[..., Host]
    """Makes a node's host, there."""
    given: Any
    """For ``make``."""
    lock: str
    """Its text."""
    keep: Callable[[str], None]
    """Is given the text of the lock where it has changed."""
    unforeseen: Callable[[Exception], EntryError]
    """Writes the trace of what nobody foresaw, and gives what to say of it."""
    version: str
    """Of prewarm here."""
    who: str
    """Starts it, in words, for whoever starts another one meanwhile."""
