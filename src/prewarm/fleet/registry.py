"""The registry: one for a cluster, so that one fleet is at work at a time. Changes with what a fleet's nodes share."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from prewarm.fleet.agreed import Ledger
from prewarm.fleet.calls import FIRST_WORD_S
from prewarm.fleet.cluster import Cluster
from prewarm.fleet.meaning import failure_of
from prewarm.records.errors import FleetError
from prewarm.records.text import quoted

NAME = "prewarm"
_ANSWER_S = 5.0


class Registry:
    """One for a cluster: whose fleet it is, and what its fetching nodes know of the Hub's windows.

    Args:
        who: has started it.
    """

    def __init__(self, who: str) -> None:
        self._who = who
        self._ledger = Ledger()

    def who(self) -> str:
        """Who has started it."""
        return self._who

    def read(self, name: str) -> tuple[int, Any]:
        """As ``Ledger.read``."""
        return self._ledger.read(name)

    def swap(self, name: str, number: int, value: Any) -> bool:
        """As ``Ledger.swap``."""
        return self._ledger.swap(name, number, value)


def register(cluster: Cluster, who: str, version: str) -> Any:
    """Start the registry; it ends with this process.

    Raises:
        FleetError: another fleet is at work, or prewarm is not on the cluster's nodes.
    """
    try:
        # Where the node is lost that this process is connected to, all is lost.
        registry = cluster.start(Registry, cluster.own, who, name=NAME, max_concurrency=16)
        cluster.get(registry.who.remote(), FIRST_WORD_S)
    except ValueError:
        other, said = cluster.find(NAME), ""
        with suppress(Exception):
            # It may end at this moment.
            said = f": {quoted(cluster.get(other.who.remote(), _ANSWER_S))}"
        raise FleetError(
            f"another fleet is at work on this cluster{said}", hint="wait until it has ended, or end it"
        ) from None
    except FleetError:
        raise
    except Exception as error:  # noqa: BLE001 (Ray's errors have many roots)
        failure = failure_of(error, "the head", version)
        raise FleetError(f"on the cluster's head: {failure.message}", hint=failure.hint) from None
    return registry
