"""Which node loads the entries, for which others. Changes with what one environment's proof is worth to another."""

from __future__ import annotations

import asyncio
from typing import Literal

from prewarm.fleet.calls import Calls
from prewarm.fleet.standing import Standing
from prewarm.records.fleet import NodeProofs

Prove = Literal["one", "all", "none"]
_Environment = frozenset[tuple[str, str]]
_NOTHING = NodeProofs(proofs={}, failures={})


class Proving:
    """Has entries loaded once for each distinct environment.

    Args:
        which: nodes load them: one of each environment, or all; with ``none`` the nodes' entries are not to be loaded.
        calls: to the nodes.
    """

    def __init__(self, which: Prove, calls: Calls) -> None:
        self._which = which
        self._calls = calls
        self._turns: dict[_Environment, asyncio.Lock] = {}
        self._known: dict[_Environment, NodeProofs] = {}

    def forget(self) -> None:
        """What is known was found out on a node with other files than were thought."""
        self._known = {}

    async def prove(self, standing: Standing) -> None:
        """Have a node's entries proven: there, or by what another one has found out.

        Raises:
            Lost: the node is gone.
        """
        about = standing.about
        if about is None or not about.loads:
            return
        if self._which == "all":
            await self._load(standing, _NOTHING)
            return
        environment = frozenset(about.environment.items())
        async with self._turns.setdefault(environment, asyncio.Lock()):
            known = self._known.get(environment)
            if known is None or not set(about.loads) <= {*known.proofs, *known.failures, *standing.failed}:
                self._known[environment] = await self._load(standing, known or _NOTHING)
                return
        await self._calls.call(standing, standing.actor.accept.remote(known))

    async def _load(self, standing: Standing, known: NodeProofs) -> NodeProofs:
        if not standing.proved:
            self._calls.say(standing, "loads the entries offline")
        found: NodeProofs = await self._calls.call(standing, standing.actor.prove.remote(known, standing.failed))
        standing.proved = True
        return found
