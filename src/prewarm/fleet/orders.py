"""Orders to the nodes: fetch this from the Hub, take that from another node. Changes with when they are given.

What goes where is decided by ``Spread``; the bytes pass between the nodes, and never through here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from prewarm.fleet.calls import Calls, Lost
from prewarm.fleet.spread import FETCHES, Spread, Take
from prewarm.fleet.standing import Standing
from prewarm.records.fleet import PIECE_MAX_BYTES, Brought, Lacking, Took
from prewarm.records.plan import Fetched

_ALL_FIRST_WORDS_S = 60.0
"""How long nodes that have said what they lack wait for those that have not, before the Hub is asked."""
_STORE_SHARE = 16
"""So many pieces have to fit into the smallest object store."""
_PIECE_MIN_BYTES = 1 << 20


class Orders:
    """Gives every order that can be given.

    Args:
        standings: the nodes, by id.
        calls: to them.
        fetchers: nodes that ask the Hub.
        store_bytes: of the smallest object store; 0: nobody says.
        damaged: is told of a node and of what it has, where that is not what is locked.
    """

    def __init__(
        self,
        standings: Mapping[str, Standing],
        calls: Calls,
        *,
        fetchers: int,
        store_bytes: int,
        damaged: Callable[[Standing, str], Awaitable[None]],
    ) -> None:
        self._standings = standings
        self._calls = calls
        self._fetchers = fetchers
        self._damaged = damaged
        self._piece_bytes = piece_bytes(store_bytes)
        self._spread = Spread(self._piece_bytes)
        self._tasks: set[asyncio.Task[None]] = set()
        self._unforeseen: BaseException | None = None
        self._asks_from_s = 0.0
        self.wait_for_words()

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Orders that are under way."""
        return list(self._tasks)

    def wait_for_words(self) -> None:
        """Ask the Hub for nothing before the nodes have said what they have; not for ever."""
        self._asks_from_s = time.monotonic() + _ALL_FIRST_WORDS_S

    def join(self, standing: Standing, lacking: Lacking) -> None:
        """A node has said what it has."""
        account = standing.about.account if standing.about is not None else ""
        self._spread.join(standing.node.id, lacking, account)
        standing.has_said = True
        self.give()

    def more(self, standing: Standing, lacking: Lacking) -> None:
        """A node has said what it has and lacks beyond what it said before."""
        self._spread.more(standing.node.id, lacking)
        if not self._spread.is_done(standing.node.id):
            standing.all_came.clear()
        self.give()

    def leave(self, standing: Standing) -> None:
        """A node is gone, or wants nothing more."""
        self._spread.leave(standing.node.id)
        standing.has_said = True

    async def all_came(self, standing: Standing) -> None:
        """Wait until nothing more comes to a node; what it does not get stands in its failures then."""
        await standing.all_came.wait()
        standing.failed.update(self._spread.failures(standing.node.id))

    def give(self) -> None:
        """Give every order that can be given now."""
        for take in self._spread.takes():
            self.begin(self._take(take))
        if all(one.has_said or one.waits for one in self._standings.values()) or time.monotonic() > self._asks_from_s:
            for node_id in self._spread.fetchers(self._fetchers):
                standing = self._standings[node_id]
                while standing.fetches < FETCHES and (keys := self._spread.next_fetch(node_id)):
                    standing.fetches += 1
                    self.begin(self._fetch(standing, keys))
            self._spread.settle()
        for standing in self._standings.values():
            if standing.has_said and self._spread.is_done(standing.node.id):
                standing.all_came.set()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something go on beside the rest."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._unforeseen = self._unforeseen or error

    def check(self) -> None:
        """Raise what nobody foresaw in an order."""
        if self._unforeseen is not None:
            raise self._unforeseen

    async def _fetch(self, standing: Standing, keys: tuple[str, ...]) -> None:
        try:
            results: list[Brought] = await self._calls.call(standing, standing.actor.fetch.remote(keys))
        except Lost as lost:
            results = [Brought(spent=Fetched(), failure=lost.failure) for _ in keys]
        standing.fetches -= 1
        for key, result in zip(keys, results, strict=True):
            self._brought(standing, key, result)
        self.give()

    def _brought(self, standing: Standing, key: str, result: Brought) -> None:
        standing.fetched += result.spent
        standing.waited_s = max(standing.waited_s, result.waited_s)
        if result.failure is not None:
            self._calls.say(standing, f"{key}: {result.failure.said}", is_detail=True)
            # Others are told as well, and it is not theirs.
            where = replace(result.failure, message=f"{result.failure.message} (on {standing.node.name})")
            result = replace(result, failure=where)
        self._spread.brought(standing.node.id, key, result)

    async def _take(self, take: Take) -> None:
        standing, source = self._standings[take.node], self._standings[take.source]
        asked = standing.actor.take.remote(take.keys, source.actor, self._piece_bytes)
        try:
            result: Took = await self._calls.call(standing, asked)
        except Lost as lost:
            result = Took(done=(), bytes=0, failure=lost.failure)
        standing.peer_bytes += result.bytes
        if result.failure is not None and result.is_of_source:
            self._calls.say(standing, f"from {source.node.id[:8]}: {result.failure.message}", is_detail=True)
        self._spread.took(take, result)
        if result.is_damaged:
            await self._damaged(source, next(key for key in take.keys if key not in result.done))
        self.give()


def piece_bytes(store_bytes: int) -> int:
    """Of one object, so that a few of them fit into an object store of so many bytes."""
    if not store_bytes:
        return PIECE_MAX_BYTES
    return max(_PIECE_MIN_BYTES, min(PIECE_MAX_BYTES, store_bytes // _STORE_SHARE >> 20 << 20))
