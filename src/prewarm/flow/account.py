"""What one entry has cost so far, and what its steps work with. Changes when a step needs something else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from prewarm.flow.ports import Cache, Hub, Memory, Prover, Scanner
from prewarm.flow.stages import Stages
from prewarm.flow.stop import Stop
from prewarm.records.entry import Entry, ProofMode
from prewarm.records.errors import EntryError, PrewarmError
from prewarm.records.events import Observer
from prewarm.records.listing import Repo
from prewarm.records.plan import Fetched


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What one child may have."""

    repos: int
    """Repositories beyond those that are its own."""
    bytes: int
    """Of all files together."""


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What a run works with: the outside, and how to tell of it."""

    hub: Hub
    cache: Cache
    prover: Prover
    scanner: Scanner
    memory: Memory
    observe: Observer
    clock: Callable[[], float]
    """Seconds that only grow."""
    stages: Stages
    stop: Stop
    """Ends the run."""
    unforeseen: Callable[[Exception], EntryError]
    """Writes the trace of what nobody foresaw, and gives what to say of it."""
    bounds: Bounds = field(default_factory=lambda: Bounds(repos=8, bytes=1 << 40))
    """What a load through the gateway may have."""
    discovers: bool = True
    """Whether entries may be loaded through the gateway: not where nobody may be asked."""
    trusted: Collection[tuple[str, str]] = ()
    """(repo_id, path) of files that some entry names in ``unsafe_files``: who trusts a file does so for all."""
    pins: Mapping[Repo, str] = field(default_factory=dict)
    """What revisions mean already: the cache can let one name a single commit."""

    def failure_of(self, error: Exception) -> EntryError:
        """What ``error`` means for the entry in whose steps it was raised: one entry's trouble is its own.

        Raises:
            PrewarmError: it is no entry's: an interrupt, or what the user has to mend first.
        """
        if isinstance(error, EntryError):
            return error
        if isinstance(error, PrewarmError):
            raise error
        return self.unforeseen(error)

    def end(self) -> None:
        """End everything that is under way."""
        self.stop.set()
        self.prover.stop()


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a run is asked to do."""

    proof: ProofMode = "load"
    dry_run: bool = False
    """Stop after the plan."""
    prove_again: bool = False
    """Load also what has passed before."""
    may_load: bool = True
    """Whether anything is loaded, whatever an entry asks for."""


class Account:
    """What an entry costs, summed from several threads, so that a failure does not lose the count.

    Args:
        entry: whose it is.
        tools: what the run works with.
    """

    def __init__(self, entry: Entry, tools: Tools) -> None:
        self.entry = entry
        self._tools = tools
        self._lock = threading.Lock()
        self._spent = Fetched()
        self._began_s = self._waited_before_s = 0.0

    def begin(self) -> None:
        """Count time from now on: what an entry waits for its turn is nobody's cost."""
        self._began_s, self._waited_before_s = self._tools.clock(), self._tools.hub.waited_s

    def add(self, fetched: Fetched) -> None:
        """Count ``fetched`` in."""
        with self._lock:
            self._spent += fetched

    @property
    def total(self) -> Fetched:
        """What was counted so far, with the time that limits were waited for."""
        with self._lock:
            return replace(self._spent, waited_s=self._tools.hub.waited_s - self._waited_before_s)

    @property
    def elapsed_s(self) -> float:
        """Seconds since it began."""
        return self._tools.clock() - self._began_s
