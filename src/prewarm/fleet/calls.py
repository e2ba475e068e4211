"""Calls to the nodes' actors, and what their failure means. Changes with how they are called."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from prewarm.fleet.meaning import failure_of
from prewarm.fleet.standing import Standing
from prewarm.records.failure import Failure
from prewarm.records.fleet import FleetEvent, NodeStep

FIRST_WORD_S = 300.0
"""The longest that a node takes to start a process of ours."""


class Lost(Exception):
    """A node does not answer, or refuses."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Calls:
    """Calls nodes, and tells of them.

    Args:
        observe: is told of every step.
        version: of prewarm here.
    """

    def __init__(self, observe: Callable[[FleetEvent], None], version: str) -> None:
        self._observe = observe
        self._version = version

    async def call(self, standing: Standing, reference: Any, *, timeout_s: float | None = None) -> Any:
        """What a call to a node gives.

        Raises:
            Lost: the node is gone, or says why it cannot.
        """
        try:
            found = await asyncio.wait_for(awaited(reference), timeout_s)
        except asyncio.TimeoutError:
            raise Lost(_silent(standing.node.name, timeout_s or 0.0)) from None
        except Exception as error:  # noqa: BLE001 (Ray's errors have many roots)
            raise Lost(self.gone(standing, error)) from None
        if isinstance(found, Failure):
            raise Lost(found)
        return found

    def gone(self, standing: Standing, error: BaseException) -> Failure:
        """Why a node does not answer."""
        return failure_of(error, standing.node.name, self._version)

    def tell(self, event: FleetEvent) -> None:
        """Tell what is of no single node."""
        self._observe(event)

    def say(self, standing: Standing, said: str, *, is_detail: bool = False) -> None:
        """Tell what a node does."""
        node = standing.node
        self._observe(NodeStep(node=node.id, name=node.name, said=said, is_detail=is_detail))


async def awaited(reference: Any) -> Any:
    """As a coroutine, which is what asyncio bounds in time."""
    return await reference


def _silent(name: str, waited_s: float) -> Failure:
    return Failure(
        kind="timeout",
        message=f"{name} has not answered for {waited_s:.0f} s",
        hint="look whether its disk answers; ray status and Ray's logs there say what it is at",
    )
