"""What every node of a fleet is given. Changes with what a node has to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Given:
    """What every node is given."""

    version: str
    """Of the prewarm that gives it."""
    manifest: str
    """Its text."""
    lock: str
    """Its text; empty: there is none."""
    flags: Mapping[str, Any]
    """Settings of the command line."""
    only: tuple[str, ...]
    """Entries by id or name; empty: all."""
    salt: bytes
    """Of this run: what a node says of its token says nothing to anybody else."""
    may_load: bool
    """Whether anything is loaded."""
    is_shared: bool
    """Whether several nodes ask the Hub, and have to agree on its limits."""
