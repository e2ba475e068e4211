"""Where blobs are, come to, and are lacked: the state behind ``Spread``. Changes with what is asked of it.

A fleet of 1,000 nodes has tens of thousands of events, and nobody looks at every node for each of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prewarm.records.failure import Failure

SMALL_BYTES = 1 << 20
"""Up to this size a blob is taken from who has it, and not from who is getting it: there is little to gain."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Take:
    """An order: ``node`` takes ``keys``, in order, from ``source``."""

    node: str
    keys: tuple[str, ...]
    source: str


@dataclass
class Node:
    """What is known of a node."""

    lacks: dict[str, int]
    """Keys to bytes, in the order in which they are wanted."""
    has: set[str]
    begun: dict[str, int] = field(default_factory=dict)
    """Of what it lacks, bytes that an earlier run has left."""
    fetching: set[str] = field(default_factory=set)
    """Keys that come from the Hub at this moment."""
    taking: Take | None = None
    uploads: int = 0
    failures: dict[str, Failure] = field(default_factory=dict)
    account: str = ""
    """What the Hub knows it by: who has the same one is refused the same."""
    has_reached: bool = False
    """Whether it has fetched anything."""
    cannot_fetch: Failure | None = None
    refused_by: dict[str, list[str]] = field(default_factory=dict)
    """For a key, nodes that could not give it, each time."""

    def comes(self, key: str) -> bool:
        """Whether it comes at this moment, and is large enough to be passed on meanwhile."""
        is_on_its_way = key in self.fetching or (self.taking is not None and key in self.taking.keys)
        return is_on_its_way and self.lacks.get(key, 0) > SMALL_BYTES


class Whereabouts:
    """Nodes, and by key who has, gets, fetches and lacks a blob."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.idle: dict[str, None] = {}
        """Nodes that lack something and take nothing."""
        self.lackers: dict[str, dict[str, None]] = defaultdict(dict)
        self.holders: dict[str, dict[str, None]] = defaultdict(dict)
        self.fetching: dict[str, str] = {}
        """Keys to the nodes that fetch them."""
        self.orphans: dict[str, None] = {}
        """What somebody lacks, nobody has and nobody fetches."""
        self.whole: dict[str, dict[str, None]] = defaultdict(dict)
        """By key, nodes that have it and can send it to one more."""
        self.partly: dict[str, dict[str, None]] = defaultdict(dict)
        """As ``whole``, those to which it still comes."""
        self.slots = 1
        """Nodes that one node sends to at a time."""

    def add(self, node_id: str, node: Node) -> None:
        """A node is there."""
        self.nodes[node_id] = node
        for key in node.has:
            self.holders[key][node_id] = None
        for key in node.lacks:
            self.lackers[key][node_id] = None

    def remove(self, node_id: str) -> None:
        """A node is gone."""
        node = self.nodes.pop(node_id, None)
        if node is None:
            return
        self.idle.pop(node_id, None)
        for key in {*node.has, *node.lacks, *node.fetching}:
            for index in (self.holders, self.lackers, self.whole, self.partly):
                index[key].pop(node_id, None)
            if self.fetching.get(key) == node_id:
                del self.fetching[key]
            self.look_after(key)

    def changed(self, node_id: str, keys: Iterable[str]) -> None:
        """Bring up to date who can give ``keys``, who fetches them, and whether a node takes anything."""
        node = self.nodes[node_id]
        can_send = node.uploads < self.slots
        for key in keys:
            _set(self.whole[key], node_id, can_send and key in node.has)
            _set(self.partly[key], node_id, can_send and node.comes(key))
            self.look_after(key)
        _set(self.idle, node_id, bool(node.lacks) and node.taking is None)

    def sends(self, node_id: str, more: int) -> None:
        """A node sends to so many more, or fewer where it is negative."""
        node = self.nodes[node_id]
        could = node.uploads < self.slots
        # Who has begun anew sends nothing of what it was told before.
        node.uploads = max(0, node.uploads + more)
        if could != (node.uploads < self.slots):
            self.changed(node_id, [*node.has, *node.fetching, *(node.taking.keys if node.taking else ())])

    def look_after(self, key: str) -> None:
        """Bring up to date whether somebody has to fetch it."""
        is_one = bool(self.lackers[key]) and not self.holders[key] and key not in self.fetching
        _set(self.orphans, key, is_one)

    def arrived(self, node_id: str, key: str) -> None:
        """A node has it now."""
        node = self.nodes[node_id]
        node.lacks.pop(key, None)
        node.refused_by.pop(key, None)
        node.has.add(key)
        self.lackers[key].pop(node_id, None)
        self.holders[key][node_id] = None

    def wants(self, node_id: str, lacks: Mapping[str, int]) -> None:
        """A node lacks more than it said."""
        node = self.nodes[node_id]
        for key, size in lacks.items():
            node.has.discard(key)
            self.holders[key].pop(node_id, None)
            node.lacks[key] = size
            self.lackers[key][node_id] = None

    def lost(self, node_id: str, key: str) -> None:
        """A node does not have it, though it was thought to."""
        self.nodes[node_id].has.discard(key)
        self.holders[key].pop(node_id, None)
        self.changed(node_id, [key])

    def fail(self, node_id: str, key: str, failure: Failure) -> None:
        """A node does not get it."""
        node = self.nodes[node_id]
        if node.lacks.pop(key, None) is not None:
            node.failures[key] = failure
        self.lackers[key].pop(node_id, None)
        self.changed(node_id, [key])


def _set(index: dict[str, None], name: str, is_in: bool) -> None:
    if is_in:
        index[name] = None
    else:
        index.pop(name, None)
