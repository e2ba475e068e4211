"""A plan's missing files into the cache, several at once. Changes with the order in which files come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import Future, wait
from contextlib import asynccontextmanager

from prewarm.flow.account import Account, Tools
from prewarm.flow.ports import SMALL_BYTES
from prewarm.flow.stages import all_ended
from prewarm.flow.stop import Stop
from prewarm.records.events import BytesReceived, DownloadAwaited, FileFetched
from prewarm.records.listing import RepoFile
from prewarm.records.lock import LockedRepo

Pair = tuple[LockedRepo, RepoFile]


def is_early(file: RepoFile) -> bool:
    """Whether the classes may want to see the file before the weights."""
    return file.size <= SMALL_BYTES or file.path.endswith(".py")


class Transfers:
    """Files of one entry on their way; the first failure ends the rest.

    Args:
        files: what to bring, with the repository that each is in.
        tools: what the run works with.
        account: the entry's; is told what it cost.
        at_first: how many may begin before ``release``; None: all.
    """

    def __init__(self, files: Iterable[Pair], tools: Tools, account: Account, *, at_first: int | None = None) -> None:
        # The largest first, so that none of them is alone at the end.
        ordered = sorted(files, key=lambda pair: -pair[1].size)
        self._tools = tools
        self._account = account
        self._stop = Stop(tools.stop)
        self._held = ordered[at_first:] if at_first is not None else []
        self._futures = [self._begin(*pair) for pair in ordered[:at_first]]

    def release(self) -> None:
        """Let those begin that were held back."""
        held, self._held = self._held, []
        self._futures += [self._begin(*pair) for pair in held]

    async def done(self) -> None:
        """Wait until every file has come.

        Raises:
            HubError: a file cannot be had.
            CacheError: a file cannot be kept.
        """
        await all_ended(map(asyncio.wrap_future, self._futures))

    async def end(self) -> None:
        """Let nothing more come. What has arrived is kept, and nothing of this entry goes on behind its report."""
        await asyncio.gather(*map(asyncio.wrap_future, self._cancel()), return_exceptions=True)

    def wait(self) -> None:
        """As ``done`` and ``end``, for a thread."""
        try:
            for future in self._futures:
                future.result()
        finally:
            wait(self._cancel())

    def _cancel(self) -> list[Future[None]]:
        self._stop.set()
        self._held = []
        return [future for future in self._futures if not future.cancel()]

    def _begin(self, repo: LockedRepo, file: RepoFile) -> Future[None]:
        return self._tools.stages.transfer(lambda: self._try(repo, file), is_small=is_early(file))

    def _try(self, repo: LockedRepo, file: RepoFile) -> None:
        try:
            self._bring(repo, file)
        except BaseException:
            # Nobody may be waiting yet: the entry may be before its inspection.
            self._stop.set()
            self._held = []
            raise

    def _bring(self, repo: LockedRepo, file: RepoFile) -> None:
        tools, entry = self._tools, self._account.entry
        self._stop.check()

        def received(count: int) -> None:
            tools.observe(BytesReceived(entry=entry, path=file.path, bytes=count))

        def awaited(holder: str, waited_s: float) -> None:
            tools.observe(DownloadAwaited(entry=entry, path=file.path, holder=holder, waited_s=waited_s))

        with tools.cache.receive(repo, file, self._stop, awaited) as sink:
            if sink is not None:
                tools.hub.fetch(repo, file, sink, received, self._account.add, self._stop)
            else:
                received(file.size)
        tools.observe(FileFetched(entry=entry, path=file.path, size=file.size))


@asynccontextmanager
async def transferring(
    files: Iterable[Pair], tools: Tools, account: Account, *, at_first: int | None = None
) -> AsyncIterator[Transfers]:
    """Transfers that end with the block, whatever ends it."""
    transfers = Transfers(files, tools, account, at_first=at_first)
    try:
        yield transfers
    finally:
        await transfers.end()


def fetch(files: Iterable[Pair], tools: Tools, account: Account) -> None:
    """Bring every file, verified, while this thread waits.

    Raises:
        HubError: a file cannot be had.
        CacheError: a file cannot be kept.
    """
    Transfers(files, tools, account).wait()
