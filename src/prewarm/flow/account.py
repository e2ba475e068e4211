"""What one entry has cost so far, and what its steps work with. Changes when a step needs something else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

from prewarm.flow.ports import Cache, Hub, Memory, Prover
from prewarm.records.entry import Entry, ProofMode
from prewarm.records.events import Observer
from prewarm.records.listing import Repo
from prewarm.records.plan import Fetched


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What a run works with: the outside, and how to tell of it."""

    hub: Hub
    cache: Cache
    prover: Prover
    memory: Memory
    observe: Observer
    clock: Callable[[], float]
    """Seconds that only grow."""
    files: Executor
    """Runs the fetches of single files."""
    pins: Mapping[Repo, str] = field(default_factory=dict)
    """What revisions mean already: the cache can let one name a single commit."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a run is asked to do."""

    proof: ProofMode = "load"
    dry_run: bool = False
    """Stop after the plan."""
    prove_again: bool = False
    """Load also what has passed before."""


@dataclass(frozen=True)
class Account:
    """Sums what an entry costs, from several threads, so that a failure does not lose the count."""

    entry: Entry
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _spent: list[Fetched] = field(default_factory=list)

    def add(self, fetched: Fetched) -> None:
        """Count ``fetched`` in."""
        with self._lock:
            self._spent.append(fetched)

    @property
    def total(self) -> Fetched:
        """What was counted so far."""
        with self._lock:
            return sum(self._spent, Fetched())
