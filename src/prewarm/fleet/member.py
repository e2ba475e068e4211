"""The actor on each node. Changes with what is called from afar; imported with Ray alone.

Fetching, taking and giving have threads of their own, so that none of them holds up another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import ray

from prewarm.fleet.host import Host, Piece
from prewarm.fleet.moving import PATIENCE_S, Moving
from prewarm.fleet.spread import FETCHES
from prewarm.records.errors import EntryError, PrewarmError
from prewarm.records.failure import Failure
from prewarm.records.fleet import About, Brought, Lacking, NodeEntry, NodeProofs, Settled, Took
from prewarm.records.plan import Fetched

_GIVES = 16
CONCURRENCY = {"fetch": FETCHES, "take": 2, "give": _GIVES, "ask": 2}
"""Threads by what they do."""


Result = TypeVar("Result")


class Member:
    """One node: what its host does, called from afar. Each method gives a Failure in the place of an error.

    Args:
        make: makes the host of what it is given, and of the registry's ``read`` and ``swap``.
        given: for ``make``.
        registry: of the fleet.
    """

    def __init__(self, make: Callable[..., Host], given: Any, registry: Any) -> None:
        self._host: Host | None = None
        self._moving: Moving | None = None
        self._refused: Failure | None = None

        def read(name: str) -> tuple[int, Any]:
            found: tuple[int, Any] = ray.get(registry.read.remote(name))
            return found

        def swap(name: str, number: int, value: Any) -> bool:
            return bool(ray.get(registry.swap.remote(name, number, value)))

        try:
            self._host = make(given, read, swap)
            self._moving = Moving(self._host)
        except PrewarmError as error:
            self._refused = _told(error)

    def about(self) -> About | Failure:
        """As ``Host.about``; why there is no host, where there is none."""
        return self._refused if self._refused is not None else self._try(lambda host: host.about())

    def lacking(self, lock: str) -> Lacking | Failure:
        """What it lacks of ``lock``."""
        return self._with(lock, lambda host: host.lacking())

    def resolve(self, lock: str) -> Settled | Failure:
        """As ``Host.resolve``, beyond ``lock``."""
        return self._with(lock, lambda host: host.resolve())

    def settle(self, lock: str) -> Settled | Failure:
        """As ``Host.settle``, beyond ``lock``."""
        return self._with(lock, lambda host: host.settle())

    def look_at(self, key: str) -> bool | Failure:
        """As ``Host.look_at``."""
        return self._try(lambda host: host.look_at(key))

    @ray.method(concurrency_group="fetch")  # type: ignore[untyped-decorator,unused-ignore]
    def fetch(self, keys: Sequence[str]) -> list[Brought] | Failure:
        """Bring blobs here from the Hub, one after the other."""
        moving = self._moving
        assert moving is not None
        return self._try(lambda _: [moving.fetch(key) for key in keys])

    @ray.method(concurrency_group="take")  # type: ignore[untyped-decorator,unused-ignore]
    def take(self, keys: Sequence[str], source: Any, piece_bytes: int) -> Took | Failure:
        """Bring blobs here from another member."""
        moving = self._moving
        assert moving is not None

        def ask(key: str, start: int, end: int) -> Callable[[], Piece]:
            refs = source.give.remote(key, start, end)

            def awaited() -> Piece:
                piece, digest = _got(refs)
                return piece, digest

            return awaited

        def ask_many(some: Sequence[str]) -> list[Piece]:
            found: list[Piece] = _got(source.give_many.remote(tuple(some)))
            return found

        return self._try(lambda _: moving.take(keys, ask, piece_bytes, ask_many))

    @ray.method(concurrency_group="give", num_returns=2)  # type: ignore[untyped-decorator,unused-ignore]
    def give(self, key: str, start: int, end: int) -> Piece:
        """As ``Moving.give``."""
        assert self._moving is not None
        return self._moving.give(key, start, end)

    @ray.method(concurrency_group="give")  # type: ignore[untyped-decorator,unused-ignore]
    def give_many(self, keys: Sequence[str]) -> list[Piece]:
        """As ``Moving.give_many``."""
        assert self._moving is not None
        return self._moving.give_many(keys)

    def show(self, failed: Mapping[str, Failure]) -> Failure | None:
        """As ``Host.show``."""
        return self._try(lambda host: host.show(failed))

    def prove(self, known: NodeProofs, failed: Mapping[str, Failure]) -> NodeProofs | Failure:
        """Take over what is known, and find out the rest."""

        def found(host: Host) -> NodeProofs:
            host.accept(known)
            own = host.prove({**known.failures, **failed})
            return NodeProofs(proofs={**known.proofs, **own.proofs}, failures={**known.failures, **own.failures})

        return self._try(found)

    def accept(self, found: NodeProofs) -> Failure | None:
        """As ``Host.accept``."""
        return self._try(lambda host: host.accept(found))

    def entries(self, failed: Mapping[str, Failure]) -> tuple[NodeEntry, ...] | Failure:
        """As ``Host.entries``."""
        return self._try(lambda host: host.entries(failed))

    @ray.method(concurrency_group="ask")  # type: ignore[untyped-decorator,unused-ignore]
    def progress(self) -> tuple[Fetched, int]:
        """What has come from the Hub, and bytes from other nodes, so far."""
        hub = self._host.spent if self._host is not None else Fetched()
        return hub, self._moving.peer_bytes if self._moving is not None else 0

    @ray.method(concurrency_group="ask")  # type: ignore[untyped-decorator,unused-ignore]
    def stop(self) -> None:
        """As ``Host.stop``."""
        if self._host is not None:
            self._host.stop()

    def _with(self, lock: str, work: Callable[[Host], Result]) -> Result | Failure:
        def done(host: Host) -> Result:
            host.take_lock(lock)
            return work(host)

        return self._try(done)

    def _try(self, work: Callable[[Host], Result]) -> Result | Failure:
        assert self._host is not None
        try:
            return work(self._host)
        except PrewarmError as error:
            return _told(error)
        except Exception as error:  # noqa: BLE001 (one node's trouble is its own)
            return _told(self._host.unforeseen(error))


def _got(reference: Any) -> Any:
    """What another node gives.

    Raises:
        LookupError: it does not.
    """
    try:
        return ray.get(reference, timeout=PATIENCE_S)
    except ray.exceptions.RayError as error:
        raise LookupError(_reason(error)) from None


def _told(error: PrewarmError) -> Failure:
    if isinstance(error, EntryError):
        return error.as_failure()
    return Failure(kind="internal", message=str(error), hint=error.hint)


def _reason(error: Exception) -> str:
    cause = getattr(error, "cause", None)
    if isinstance(cause, LookupError) and cause.args:
        return str(cause.args[0])
    if isinstance(error, ray.exceptions.GetTimeoutError):
        return "the other node does not answer"
    return "the other node is gone, or cannot read it"
