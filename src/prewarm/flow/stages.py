"""What entries pass through, and how many at a time: planning, transfers, proof. Changes with a stage's limits.

An entry is a coroutine: while it waits for a stage it holds no thread, no connection and no other entry back.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

from prewarm.flow.stop import Stop
from prewarm.records.errors import Interrupted

ENTRIES_AT_ONCE = 8
"""Entries that are listed and planned at a time."""
UNDER_WAY = 64
"""Entries that are between their listing and their last byte."""
_WAITING = 4
"""Threads for transfers, per connection: those that wait for another run's download keep no connection idle."""
_DISK = 2
_SIGNAL_S = 0.2
INSPECTION, PROOF = 0, 1
"""An inspection is short, and lets weights pass: it goes before the proofs that wait."""

Result = TypeVar("Result")


class Stages:
    """The stages of one run; use it as a context manager.

    Args:
        connections: how many files come at a time.
        stop: the run's; nothing begins after it.
    """

    def __init__(self, connections: int, stop: Stop) -> None:
        self._stop = stop
        self._planning = ThreadPoolExecutor(ENTRIES_AT_ONCE, thread_name_prefix="entry")
        self._disk = ThreadPoolExecutor(_DISK, thread_name_prefix="disk")
        # Threads of their own for either kind: small files, which decide what follows, wait behind no large one.
        self._small = ThreadPoolExecutor(connections * _WAITING, thread_name_prefix="file")
        self._large = ThreadPoolExecutor(connections * _WAITING, thread_name_prefix="weights")
        self._proving = ThreadPoolExecutor(1, thread_name_prefix="proof")
        # It waits for files most of the time, and holds up no proof meanwhile.
        self._discovering = ThreadPoolExecutor(1, thread_name_prefix="discovery")
        self._turns = _Turns()
        self._under_way = asyncio.Semaphore(UNDER_WAY)
        self._going = 0
        self._others_ended = asyncio.Event()

    def __enter__(self) -> Stages:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pool in (self._planning, self._disk, self._small, self._large, self._proving, self._discovering):
            pool.shutdown(wait=True, cancel_futures=True)

    def transfer(self, work: Callable[[], None], *, is_small: bool) -> Future[None]:
        """Let one file come."""
        return (self._small if is_small else self._large).submit(work)

    async def plan(self, work: Callable[..., Result], *args: Any) -> Result:
        """Listings, and what else the Hub is asked while an entry waits: a limit may hold it up for minutes."""
        return await self._in(self._planning, partial(work, *args))

    async def look_after(self, work: Callable[..., Result], *args: Any) -> Result:
        """What takes place on the disk alone, and waits behind nobody's limit."""
        return await self._in(self._disk, partial(work, *args))

    def under_way(self) -> AbstractAsyncContextManager[None]:
        """Held by an entry from its listing until it is whole, so that memory does not grow with the manifest."""
        return self._under_way

    async def prove(self, urgency: int, work: Callable[[], Result]) -> Result:
        """One at a time: the more urgent first, then in the order in which they came."""
        async with self._turns.one(urgency):
            return await self._in(self._proving, work)

    async def discover(self, work: Callable[[], Result]) -> Result:
        """Loads through the gateway, one at a time."""
        return await self._in(self._discovering, work)

    async def _in(self, pool: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
        def checked() -> Result:
            self._stop.check()
            return work()

        return await asyncio.get_running_loop().run_in_executor(pool, checked)

    def begin(self, work: Callable[[], Result]) -> Result:
        """What comes before the first proof, out of the main thread: an interrupt would leave it half done there."""
        return result_of(self._proving.submit(work))

    def run(self, works: Sequence[Coroutine[Any, Any, Result]], stop: Callable[[], None]) -> list[Result]:
        """Let every entry pass; an exception that one of them does not keep to itself ends all, as an interrupt does.

        Args:
            works: of the entries.
            stop: ends what is under way in the stages.
        """
        # In a thread of its own, since the caller's may have a loop already, as in a notebook.
        with ending(ThreadPoolExecutor(1, thread_name_prefix="flow"), stop) as flow:
            return result_of(flow.submit(asyncio.run, self._all(works, stop)))

    async def others_ended(self) -> None:
        """Wait until every other entry has ended, or waits here as well."""
        self._ends()
        await self._others_ended.wait()

    def _ends(self) -> None:
        self._going -= 1
        if self._going <= 0:
            self._others_ended.set()

    async def _all(self, works: Sequence[Coroutine[Any, Any, Result]], stop: Callable[[], None]) -> list[Result]:
        self._going = len(works)

        async def watched(work: Coroutine[Any, Any, Result]) -> Result:
            try:
                return await work
            except BaseException:
                stop()
                raise
            finally:
                self._ends()

        return await all_ended(map(watched, works))


def result_of(future: Future[Result]) -> Result:
    """What ``future`` gives, for the main thread.

    A signal may reach the process in another thread, and Python runs its handler in this one alone: so it does not
    wait for long at a time.
    """
    while not wait([future], timeout=_SIGNAL_S).done:
        pass
    return future.result()


@contextmanager
def ending(pool: ThreadPoolExecutor, stop: Callable[[], None]) -> Iterator[ThreadPoolExecutor]:
    """A pool whose work is stopped where the block ends with an exception, an interrupt above all.

    Or leaving the pool would wait for its threads.
    """
    with pool:
        try:
            yield pool
        except BaseException:
            stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


async def all_ended(works: Iterable[Awaitable[Result]]) -> list[Result]:
    """Wait until all have ended, also where some fail; then raise why, or give what they gave."""
    ended = await asyncio.gather(*works, return_exceptions=True)
    errors = [one for one in ended if isinstance(one, BaseException)]
    if errors:
        # Those that were ended say so; why they were is what one of them says.
        raise next((error for error in errors if not isinstance(error, Interrupted)), errors[0])
    return [one for one in ended if not isinstance(one, BaseException)]


class _Turns:
    """Who is next."""

    def __init__(self) -> None:
        self._is_taken = False
        self._count = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def one(self, urgency: int) -> AsyncIterator[None]:
        if self._is_taken:
            self._count += 1
            turn = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (urgency, self._count, turn))
            await turn
        self._is_taken = True
        try:
            yield
        finally:
            self._is_taken = False
            while self._waiting:
                *_, following = heapq.heappop(self._waiting)
                if not following.done():
                    # Taken on its behalf, or one that comes now would go first.
                    self._is_taken = True
                    following.set_result(None)
                    break
