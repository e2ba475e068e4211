"""What flows between a fleet's nodes, and what became of each. Changes with what is told of a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from prewarm.records.failure import Failure
from prewarm.records.plan import Fetched
from prewarm.records.proof import Proof
from prewarm.records.report import Status

PIECE_MAX_BYTES = 64 << 20
"""Of one object that moves between nodes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What a node says of itself."""

    prewarm: str
    """Its version."""
    environment: Mapping[str, str]
    """What decides whether a proof of another node holds here: interpreter, machine, versions."""
    cache: str
    cache_id: str = ""
    """Of the folder itself: nodes may share one."""
    account: str = ""
    """The same for nodes that the Hub knows by the same token, and of no meaning beyond this run."""
    unlisted: tuple[str, ...] = ()
    """Entries that are not locked."""
    unsettled: tuple[str, ...] = ()
    """Entries that are to be loaded, and whose files nobody can know all of before they were once."""
    loads: tuple[str, ...] = ()
    """Entries that a proof would load, by tag."""
    check: str = ""
    """What says there whether it is ready."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Lacking:
    """What a node's cache has and has not."""

    has: frozenset[str]
    """Keys of blobs."""
    lacks: Mapping[str, int]
    """Keys of blobs to bytes, in the order in which they are wanted."""
    begun: Mapping[str, int] = field(default_factory=dict)
    """Of these, bytes that an earlier run has left."""
    failures: Mapping[str, Failure] = field(default_factory=dict)
    """Entries that there is no room for, by tag."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """What one node has found out for all."""

    lock: str
    spent: Fetched
    failures: Mapping[str, Failure]
    """Entries that came to nothing, by tag."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Brought:
    """What came of fetching one blob from the Hub."""

    spent: Fetched
    waited_s: float = 0.0
    """That the node has waited for limits so far, in all."""
    failure: Failure | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Took:
    """What came of taking blobs from another node."""

    done: tuple[str, ...]
    """Keys of those that are whole, and in the cache."""
    bytes: int
    """That came."""
    failure: Failure | None = None
    """Why the first that is not in ``done`` is not."""
    is_of_source: bool = False
    """Whether the other node is to blame, so that a third one may have it."""
    is_damaged: bool = False
    """Whether what the other node has is not what is locked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeProofs:
    """What was found out about an environment's entries, by tag."""

    proofs: Mapping[str, Proof]
    failures: Mapping[str, Failure]


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeEntry:
    """What became of an entry on a node."""

    id: str
    label: str
    revision: str
    commit: str | None
    required: bool
    status: Status
    ready: bool
    failure: Failure | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeStep:
    """A node does something else now, or has come to its end."""

    node: str
    """Its id."""
    name: str
    said: str
    """In words."""
    is_detail: bool = False
    """Whether it is of no interest to most: it mends itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetProgress:
    """How far a fleet has come; told now and then."""

    nodes: int
    ready: int
    failed: int
    wanted_bytes: int
    """That the nodes lacked, all together."""
    came_bytes: int
    """Of these, so far."""
    hub_bytes: int
    """Of those that came, from the Hub."""


FleetEvent: TypeAlias = NodeStep | FleetProgress


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeReport:
    """What became of a node."""

    id: str
    """Ray's, in hexadecimal."""
    name: str
    """Its host's name or address."""
    labels: Mapping[str, str]
    about: About | None = None
    """None: it never said anything."""
    entries: tuple[NodeEntry, ...] = ()
    fetched: Fetched = field(default_factory=Fetched)
    """From the Hub."""
    peer_bytes: int = 0
    """From other nodes."""
    elapsed_s: float = 0.0
    """From when it was first seen until it was ready, or failed."""
    failure: Failure | None = None
    """Of the node as a whole."""
    has_left: bool = False
    """Whether it is no part of the cluster any more."""
    proved: bool = False
    """Whether it has loaded the entries itself."""

    @property
    def is_ready(self) -> bool:
        """Whether every required entry is ready there."""
        return self.failure is None and all(one.ready for one in self.entries if one.required)

    @property
    def short(self) -> str:
        """Enough of its id to tell it by."""
        return self.id[:8]


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetReport:
    """What became of a fleet."""

    manifest: Path
    lock: Path | None
    address: str
    ray: str
    """Its version."""
    nodes: tuple[NodeReport, ...]
    elapsed_s: float
    notes: tuple[str, ...] = ()
    """Of the whole, a sentence each."""
    watched: bool = False
    """Whether nodes were served until somebody said stop: those that left meanwhile do not count."""

    @property
    def counted(self) -> tuple[NodeReport, ...]:
        """The nodes that have to be ready."""
        return tuple(one for one in self.nodes if not (self.watched and one.has_left))

    @property
    def ok(self) -> bool:
        """Whether every node that was asked for is ready."""
        return bool(self.counted) and all(one.is_ready for one in self.counted)

    @property
    def fetched(self) -> Fetched:
        """From the Hub, by all nodes together."""
        return sum((one.fetched for one in self.nodes), Fetched())

    @property
    def peer_bytes(self) -> int:
        """From node to node."""
        return sum(one.peer_bytes for one in self.nodes)
