"""What nobody can know before a model is listed, or loaded: found out by one node, for all. Changes with who tries."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from prewarm.fleet.calls import Calls
from prewarm.fleet.standing import Standing
from prewarm.records.failure import ErrorKind, Failure
from prewarm.records.fleet import Settled

_SLOW_TRIES = 3
_SLOW_S = 10.0
"""Who fails sooner costs the others little: any number of nodes may."""
_LOOK_S = 0.5
_OF_THE_NODE: frozenset[ErrorKind] = frozenset({"unreachable", "timeout", "no-space", "internal"})
"""Failures that another node may not have."""
_OF_THE_ACCOUNT: frozenset[ErrorKind] = frozenset({"gated", "unauthorized", "not-found"})
"""Failures that a node with another token may not have."""
_OF_THE_ENVIRONMENT: frozenset[ErrorKind] = frozenset({"load-error"})
"""Failures that a node with other packages may not have."""


class FleetLock:
    """The text of the lock, as all nodes know it.

    Args:
        text: of it; empty: there is none.
        keep: is given the text where it has changed.
    """

    def __init__(self, text: str, keep: Callable[[str], None]) -> None:
        self.text = text
        self._keep = keep

    def becomes(self, text: str) -> None:
        """It is this one from now on."""
        if text != self.text:
            self.text = text
            self._keep(text)


class Settling:
    """Has something found out by one node at a time, until one has found all of it.

    Args:
        standings: the nodes, by id.
        calls: to them.
        lock: takes what was found.
        ask: a node, to find it out; is given the lock's text.
        said: what that node does, in words.
        then: follows on that node before another one goes on.
    """

    def __init__(
        self,
        standings: Mapping[str, Standing],
        calls: Calls,
        lock: FleetLock,
        ask: Callable[[Standing, str], Any],
        said: str,
        then: Callable[[Standing], Awaitable[None]],
    ) -> None:
        self.failures: dict[str, Failure] = {}
        """Of entries that came to nothing, by tag."""
        self._standings = standings
        self._calls = calls
        self._lock = lock
        self._ask = ask
        self._said = said
        self._then = then
        self._turn = asyncio.Lock()
        self._is_over = False
        self._slow = 0
        self._tried: set[str] = set()
        self._refused: set[str] = set()
        """Accounts, and environments."""

    def begin_anew(self) -> None:
        """Let what came to nothing be tried once more."""
        if self.failures:
            self._is_over, self._slow = False, 0
            self._tried, self._refused, self.failures = set(), set(), {}

    async def settle(self, standing: Standing) -> None:
        """Have it found out, by this node or another one.

        Raises:
            Lost: the node is gone.
        """
        while True:
            async with self._turn:
                others = any(self._may_try(one) for one in self._standings.values())
                if self._is_over or not others or self._slow >= _SLOW_TRIES:
                    return
                if self._may_try(standing):
                    await self._settle_on(standing)
                    continue
            await asyncio.sleep(_LOOK_S)

    def _may_try(self, standing: Standing) -> bool:
        is_there = standing.is_under_way and not standing.waits
        return is_there and standing.node.id not in self._tried and not self._refused & set(_words(standing))

    async def _settle_on(self, standing: Standing) -> None:
        self._tried.add(standing.node.id)
        self._calls.say(standing, self._said)
        began_s = time.monotonic()
        settled: Settled = await self._calls.call(standing, self._ask(standing, self._lock.text))
        standing.fetched += settled.spent
        self._lock.becomes(settled.lock)
        kinds = {failure.kind for failure in settled.failures.values()}
        self._is_over = not kinds & (_OF_THE_NODE | _OF_THE_ACCOUNT | _OF_THE_ENVIRONMENT)
        account, environment = _words(standing)
        if kinds & _OF_THE_ACCOUNT:
            self._refused.add(account)
        if kinds & _OF_THE_ENVIRONMENT:
            self._refused.add(environment)
        if not self._is_over and time.monotonic() - began_s > _SLOW_S:
            self._slow += 1
        self.failures = {
            tag: self._worth_more(self.failures.get(tag), failure, standing)
            for tag, failure in settled.failures.items()
        }
        await self._then(standing)

    def _worth_more(self, before: Failure | None, now: Failure, standing: Standing) -> Failure:
        """What others are told: what is of the files rather than of a node, and whose it is."""
        if before is not None and (now.kind in _OF_THE_NODE or before.kind not in _OF_THE_NODE):
            return before
        return replace(now, message=f"{now.message} (on {standing.node.name})")


def _words(standing: Standing) -> tuple[str, str]:
    """The node's account, and its environment."""
    about = standing.about
    if about is None:
        return "account ?", "environment ?"
    return f"account {about.account}", f"environment {sorted(about.environment.items())}"
