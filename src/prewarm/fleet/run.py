"""A fleet from its first node to its report: what each node passes through. Changes with these steps.

Each node is a coroutine: it says what it lacks, waits until that has come, shows it, and has it proven.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from prewarm.fleet.baggage import Baggage, Wanted
from prewarm.fleet.calls import FIRST_WORD_S, Calls, Lost, awaited
from prewarm.fleet.cluster import Cluster, Node, chosen, is_meant
from prewarm.fleet.orders import Orders
from prewarm.fleet.proofs import Proving
from prewarm.fleet.registry import register
from prewarm.fleet.settling import FleetLock, Settling
from prewarm.fleet.standing import Standing, outcome, progress_of, report_of
from prewarm.records.failure import Failure
from prewarm.records.fleet import FleetEvent, Lacking, NodeReport, NodeStep
from prewarm.records.units import plural, size

_LOOK_S = 0.5
_ENDING_S = 5.0
_POLLS_PER_S = 100
_LATER_S = 10.0
_HEARTBEAT_S = 60.0
"""The longest that a node's process says nothing."""
_AGAIN_S = 60.0
"""After which a node that is not ready is tried again, where somebody watches."""


def run(
    cluster: Cluster, baggage: Baggage, wanted: Wanted, observe: Callable[[FleetEvent], None]
) -> tuple[NodeReport, ...]:
    """Make the nodes ready; gives what became of each.

    Args:
        cluster: to work on.
        baggage: what goes along.
        wanted: what to do.
        observe: is told of every step.

    Raises:
        FleetError: another fleet is at work, or the cluster is gone.
        CommandError: no node is meant.
    """
    nodes = cluster.nodes()
    if not wanted.watch:
        nodes = chosen(nodes, wanted.nodes)
    elif not any(is_meant(node, wanted.nodes) for node in nodes):
        observe(NodeStep(node="", name="no node", said=f"is called {', '.join(wanted.nodes)} yet: it is waited for"))
    stores = [node.store_bytes for node in nodes if node.store_bytes]
    fleet = _Fleet(cluster, baggage, wanted, Calls(observe, baggage.version), min(stores, default=0))
    try:
        asyncio.run(fleet.all())
    except KeyboardInterrupt:
        # Who watches is told to stop.
        if not wanted.watch:
            raise
    return fleet.reports()


async def _nothing(standing: Standing) -> None:
    """Nothing follows."""
    del standing


class _Fleet:
    def __init__(self, cluster: Cluster, baggage: Baggage, wanted: Wanted, calls: Calls, store_bytes: int) -> None:
        self._cluster = cluster
        self._baggage = baggage
        self._wanted = wanted
        self._calls = calls
        self._registry: Any = None
        self._standings: dict[str, Standing] = {}
        self._orders = Orders(
            self._standings, calls, fetchers=wanted.fetchers, store_bytes=store_bytes, damaged=self._mend
        )
        self._proving = Proving(wanted.prove, calls)
        self._fill: dict[str, list[Standing]] = {}
        """By cache, the nodes that have it."""
        self._lock = FleetLock(baggage.lock, baggage.keep)
        shared = (self._standings, calls, self._lock)
        self._listing = Settling(
            *shared, lambda one, lock: one.actor.resolve.remote(lock), "asks the Hub which files there are", _nothing
        )
        self._loading = Settling(
            *shared,
            lambda one, lock: one.actor.settle.remote(lock),
            "loads entries first, to see which files they need",
            self._say_more,
        )

    # --- The whole -------------------------------------------------------------------------------------------------

    async def all(self) -> None:
        """Until every node has come to its end, or somebody says stop."""
        self._registry = register(self._cluster, self._baggage.who, self._baggage.version)
        try:
            while True:
                self._look()
                self._poll()
                self._calls.tell(progress_of(list(self._standings.values())))
                self._orders.give()
                self._orders.check()
                if not self._wanted.watch and not any(one.is_under_way for one in self._standings.values()):
                    return
                await asyncio.sleep(_LOOK_S)
        finally:
            await self._end()

    def reports(self) -> tuple[NodeReport, ...]:
        """What became of each node."""
        now = time.monotonic()
        return tuple(report_of(one, now) for one in self._standings.values())

    async def _end(self) -> None:
        there = [one for one in self._standings.values() if not one.has_left]
        tasks = [one.task for one in self._standings.values() if one.task is not None]
        tasks += self._orders.tasks
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        stops = [asyncio.ensure_future(awaited(one.actor.stop.remote())) for one in there]
        if stops:
            _, late = await asyncio.wait(stops, timeout=_ENDING_S)
            for stop in late:
                stop.cancel()
            await asyncio.gather(*stops, return_exceptions=True)
        for actor in (*(one.actor for one in there), self._registry):
            self._cluster.kill(actor)

    # --- Nodes come and go -----------------------------------------------------------------------------------------

    def _look(self) -> None:
        alive = {node.id: node for node in self._cluster.nodes()}
        for node_id, node in alive.items():
            if node_id not in self._standings and is_meant(node, self._wanted.nodes):
                self._join(node)
        for node_id, standing in list(self._standings.items()):
            if node_id not in alive and not standing.has_left:
                self._leave(standing)
            elif self._wanted.watch and node_id in alive and self._is_worth_another_try(standing):
                self._calls.say(standing, "is tried again")
                self._listing.begin_anew()
                self._loading.begin_anew()
                self._orders.leave(standing)
                self._cluster.kill(standing.actor)
                self._join(alive[node_id])

    def _join(self, node: Node) -> None:
        from prewarm.fleet.member import CONCURRENCY, Member  # noqa: PLC0415 (imports Ray)

        words = (self._baggage.make, self._baggage.given, self._registry)
        actor = self._cluster.start(Member, node, *words, groups=dict(CONCURRENCY))
        standing = Standing(node=node, actor=actor, began_s=time.monotonic())
        if (before := self._standings.get(node.id)) is not None:
            # What it has cost stays true.
            told = report_of(before, time.monotonic())
            standing.fetched, standing.peer_bytes = told.fetched, told.peer_bytes
        self._standings[node.id] = standing
        standing.task = asyncio.create_task(self._life(standing))

    def _is_worth_another_try(self, standing: Standing) -> bool:
        now = time.monotonic()
        if standing.ended_s is None or now - standing.ended_s <= _AGAIN_S:
            return False
        return standing.is_gone or not report_of(standing, now).is_ready

    def _leave(self, standing: Standing) -> None:
        standing.has_left = True
        self._orders.leave(standing)
        self._fail(standing, self._calls.gone(standing, RuntimeError()))
        standing.ended_s = standing.ended_s or time.monotonic()
        standing.all_came.set()

    def _poll(self) -> None:
        """Ask how far nodes are, for whoever looks on, and so that what one had is known when it is gone."""
        now = time.monotonic()
        for standing in self._standings.values():
            # Who has come to its end still gives to others.
            between_s = max(1.0 if standing.is_under_way else _LATER_S, len(self._standings) / _POLLS_PER_S)
            is_there = standing.about is not None and not standing.is_gone and not standing.has_left
            if is_there and not standing.is_polled and now - standing.polled_s >= between_s:
                standing.is_polled, standing.polled_s = True, now
                self._orders.begin(self._seen(standing))

    async def _seen(self, standing: Standing) -> None:
        try:
            asked = standing.actor.progress.remote()
            standing.seen = await self._calls.call(standing, asked, timeout_s=_HEARTBEAT_S)
        except Lost as lost:
            # It gives nothing any more; what it was asked for meanwhile ends with its process.
            standing.is_gone = True
            self._orders.leave(standing)
            if standing.is_under_way and not standing.has_left:
                self._fail(standing, lost.failure)
            self._cluster.kill(standing.actor)
        standing.is_polled = False

    # --- What a node passes through --------------------------------------------------------------------------------

    async def _life(self, standing: Standing) -> None:
        try:
            await self._steps(standing)
            standing.ended_s = time.monotonic()
            self._calls.say(standing, outcome(report_of(standing, standing.ended_s)))
        except Lost as lost:
            self._fail(standing, lost.failure)
            self._orders.leave(standing)
            standing.ended_s = time.monotonic()
        except Exception as error:  # noqa: BLE001 (one node's trouble is its own)
            self._fail(standing, self._baggage.unforeseen(error).as_failure())
            self._orders.leave(standing)
            standing.ended_s = time.monotonic()
        self._orders.give()

    async def _steps(self, standing: Standing) -> None:
        call, actor = self._calls.call, standing.actor
        standing.about = await call(standing, actor.about.remote(), timeout_s=FIRST_WORD_S)
        await self._twin(standing)
        if standing.about.unlisted:
            await self._listing.settle(standing)
            self._orders.wait_for_words()
        lacking = await self._lacking(standing)
        standing.failed.update(self._listing.failures)
        self._orders.join(standing, lacking)
        await self._orders.all_came(standing)
        if standing.about.unsettled:
            await self._loading.settle(standing)
            standing.failed.update(self._loading.failures)
            await self._say_more(standing)
            await self._orders.all_came(standing)
        await call(standing, actor.show.remote(standing.failed))
        await self._proving.prove(standing)
        standing.entries = await call(standing, actor.entries.remote(standing.failed))

    async def _lacking(self, standing: Standing) -> Lacking:
        lock = self._lock.text
        lacking: Lacking = await self._calls.call(standing, standing.actor.lacking.remote(lock))
        standing.said_of = lock
        lacked = sum(lacking.lacks.values())
        standing.wanted_bytes += lacked
        standing.failed.update(lacking.failures)
        if lacking.lacks:
            self._calls.say(standing, f"lacks {plural(len(lacking.lacks), 'file')}, {size(lacked)}")
        return lacking

    async def _say_more(self, standing: Standing) -> None:
        """Say what it has and lacks of a lock that says more than before."""
        if standing.said_of != self._lock.text:
            self._orders.more(standing, await self._lacking(standing))

    async def _mend(self, standing: Standing, key: str) -> None:
        """Have a node look at what it has, which is not what is locked; it begins anew where that is so."""
        node_id = standing.node.id
        if standing.has_left or self._standings.get(node_id) is not standing:
            return
        try:
            if await self._calls.call(standing, standing.actor.look_at.remote(key)):
                return
        except Lost as lost:
            self._fail(standing, lost.failure)
            return
        if self._standings.get(node_id) is not standing or standing.has_left:
            return
        self._calls.say(standing, f"{key} is damaged there, and comes anew")
        # What was proven with it is not proven.
        self._proving.forget()
        self._orders.leave(standing)
        standing.all_came.set()
        if standing.task is not None:
            standing.task.cancel()
        self._cluster.kill(standing.actor)
        self._join(standing.node)

    async def _twin(self, standing: Standing) -> None:
        """Let one node at a time fill a cache that several have: two would wait for each other's locks."""
        assert standing.about is not None
        before = self._fill.setdefault(standing.about.cache_id, [])
        earlier = [one for one in before if one.is_under_way]
        before.append(standing)
        standing.waits = True
        for other in earlier:
            self._calls.say(standing, f"has the cache of {other.node.id[:8]}, and waits for it")
            await other.all_came.wait()
        standing.waits = False

    def _fail(self, standing: Standing, failure: Failure) -> None:
        if standing.failure is None:
            standing.failure = failure
            self._calls.say(standing, f"failed: {failure.said}")
