"""What nobody can know before a model is listed or loaded: found out by one node, for all. Changes with who tries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from prewarm.fleet.calls import Calls
from prewarm.fleet.standing import Standing
from prewarm.records.failure import Failure
from prewarm.records.fleet import Settled
from prewarm.records.units import plural

_TRIES = 3
_LOOK_S = 0.5
_OF_THE_NODE = ("unreachable", "timeout")
"""Failures that another node may not have."""
_OF_THE_ACCOUNT = ("gated", "unauthorized", "not-found")
"""Failures that a node with another token may not have."""


class Settling:
    """Makes entries ready on one node that are not locked, or were never loaded; keeps the lock.

    Args:
        standings: the nodes, by id.
        calls: to them.
        lock: its text.
        keep: is given the text where it has changed.
    """

    def __init__(self, standings: Mapping[str, Standing], calls: Calls, lock: str, keep: Callable[[str], None]) -> None:
        self.lock = lock
        self.failures: dict[str, Failure] = {}
        """Of entries that came to nothing, by tag."""
        self._standings = standings
        self._calls = calls
        self._keep = keep
        self._turn = asyncio.Lock()
        self._is_over = False
        self._tried: set[str] = set()
        self._refused_accounts: set[str] = set()

    def begin_anew(self) -> None:
        """Let what came to nothing be tried once more."""
        if self.failures:
            self._is_over = False
            self._tried, self._refused_accounts, self.failures = set(), set(), {}

    async def settle(self, standing: Standing) -> None:
        """Have it settled, by this node or another one.

        Raises:
            Lost: the node is gone.
        """
        about = standing.about
        if about is None or not about.unsettled:
            return
        while True:
            async with self._turn:
                others = [one for one in self._standings.values() if self._may_try(one)]
                if self._is_over or not others or len(self._tried) >= _TRIES:
                    return
                if self._may_try(standing):
                    await self._settle_on(standing, len(about.unsettled))
            await asyncio.sleep(_LOOK_S)

    def _may_try(self, standing: Standing) -> bool:
        is_there = standing.is_under_way and not standing.has_said and not standing.waits
        account = standing.about.account if standing.about is not None else ""
        return is_there and standing.node.id not in self._tried and account not in self._refused_accounts

    async def _settle_on(self, standing: Standing, count: int) -> None:
        about = standing.about
        assert about is not None
        self._tried.add(standing.node.id)
        self._calls.say(standing, f"makes {plural(count, 'entry')} ready first, to see which files they need")
        settled: Settled = await self._calls.call(standing, standing.actor.settle.remote())
        kinds = {failure.kind for failure in settled.failures.values()}
        self._is_over = not kinds & {*_OF_THE_NODE, *_OF_THE_ACCOUNT}
        if kinds & {*_OF_THE_ACCOUNT}:
            self._refused_accounts.add(about.account)
        standing.fetched += settled.spent
        standing.proved = bool(about.loads)
        self.failures = dict(settled.failures)
        if settled.lock != self.lock:
            self.lock = settled.lock
            self._keep(settled.lock)
