"""How far each node of a fleet has come, and what is said of it in the end. Changes with what a report says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from prewarm.fleet.cluster import Node
from prewarm.records.failure import Failure
from prewarm.records.fleet import About, FleetProgress, NodeEntry, NodeReport
from prewarm.records.plan import Fetched
from prewarm.records.units import size


@dataclass
class Standing:
    """A node, and how far it has come."""

    node: Node
    actor: Any
    began_s: float
    about: About | None = None
    has_said: bool = False
    """What it lacks."""
    waits: bool = False
    """For another node that has the same cache."""
    is_gone: bool = False
    """Whether its process is no more, though it had come to its end."""
    fetches: int = 0
    """That are under way."""
    fetched: Fetched = field(default_factory=Fetched)
    waited_s: float = 0.0
    """For limits, while it fetched blobs."""
    seen: tuple[Fetched, int] = (Fetched(), 0)
    """What has come from the Hub, and bytes from other nodes, when it was looked at last."""
    said_of: str | None = None
    """The lock that it has said of what it lacks of it."""
    peer_bytes: int = 0
    entries: tuple[NodeEntry, ...] = ()
    failed: dict[str, Failure] = field(default_factory=dict)
    """Entries and blobs."""
    failure: Failure | None = None
    has_left: bool = False
    proved: bool = False
    wanted_bytes: int = 0
    """That it lacked in the beginning."""
    is_polled: bool = False
    polled_s: float = 0.0
    """When it was asked last how far it is."""
    ended_s: float | None = None
    all_came: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether it has not come to its end."""
        return self.ended_s is None


def progress_of(there: Sequence[Standing]) -> FleetProgress:
    """How far all nodes are, together."""
    came = [
        one.wanted_bytes if not one.is_under_way else min(one.wanted_bytes, one.seen[0].bytes + one.seen[1])
        for one in there
    ]
    return FleetProgress(
        nodes=len(there),
        ready=sum(not one.is_under_way and one.failure is None for one in there),
        failed=sum(one.failure is not None for one in there),
        wanted_bytes=sum(one.wanted_bytes for one in there),
        came_bytes=sum(came),
        hub_bytes=sum(max(one.fetched.bytes, one.seen[0].bytes) for one in there),
    )


def outcome(report: NodeReport) -> str:
    """A node's end, in words."""
    came = [(report.fetched.bytes, "from the Hub"), (report.peer_bytes, "from other nodes")]
    said = ", ".join(f"{size(count)} {whence}" for count, whence in came if count) or "nothing was missing"
    if report.is_ready:
        return f"ready: {said}"
    lost = [f"{one.label} {one.failure.kind if one.failure else one.status}" for one in report.entries if not one.ready]
    return f"not ready: {', '.join(lost)}"


def report_of(standing: Standing, now: float) -> NodeReport:
    """What became of a node; ``now`` in seconds of the clock that its beginning was told by."""
    ended_s = standing.ended_s if standing.ended_s is not None else now
    # Who is gone cannot say what it has cost.
    seen = standing.seen if standing.failure is not None else (Fetched(), 0)
    return NodeReport(
        id=standing.node.id,
        name=standing.node.name,
        labels=_own_labels(standing.node.labels),
        about=standing.about,
        entries=standing.entries,
        fetched=replace(
            standing.fetched,
            bytes=max(standing.fetched.bytes, seen[0].bytes),
            requests=max(standing.fetched.requests, seen[0].requests),
            waited_s=standing.fetched.waited_s + standing.waited_s,
        ),
        peer_bytes=max(standing.peer_bytes, seen[1]),
        elapsed_s=ended_s - standing.began_s,
        failure=standing.failure if standing.failure is not None else (
            None if standing.ended_s is not None else _unfinished(standing.node)
        ),
        has_left=standing.has_left,
        proved=standing.proved,
    )  # fmt: skip


def _unfinished(node: Node) -> Failure:
    return Failure(kind="internal", message=f"{node.name} was not ready when it was told to stop", hint="run it again")


def _own_labels(labels: Mapping[str, str]) -> Mapping[str, str]:
    """Without those that Ray gives every node."""
    return {key: value for key, value in labels.items() if not key.startswith("ray.io/")}
