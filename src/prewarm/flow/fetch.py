"""A plan's missing files into the cache, several at once. Changes with the order in which files come."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, wait

from prewarm.flow.account import Account, Tools
from prewarm.records.events import BytesReceived, FileFetched
from prewarm.records.listing import RepoFile
from prewarm.records.lock import LockedRepo


def fetch(files: Iterable[tuple[LockedRepo, RepoFile]], tools: Tools, account: Account) -> None:
    """Bring every file, verified; the first failure ends the rest.

    Args:
        files: what to bring, with the repository that each is in.
        tools: what the run works with.
        account: the entry's; is told what it cost.

    Raises:
        HubError: a file cannot be had.
        CacheError: a file cannot be kept.
    """
    # The largest first, so that none of them is alone at the end.
    todo = sorted(files, key=lambda pair: -pair[1].size)
    futures = [tools.files.submit(_fetch_one, repo, file, tools, account) for repo, file in todo]
    try:
        for future in futures:
            future.result()
    finally:
        _cancel(futures)


def _fetch_one(repo: LockedRepo, file: RepoFile, tools: Tools, account: Account) -> None:
    def received(count: int) -> None:
        tools.observe(BytesReceived(entry=account.entry, path=file.path, bytes=count))

    with tools.cache.receive(repo, file) as sink:
        if sink is not None:
            tools.hub.fetch(repo, file, sink, received, account.add)
        else:
            received(file.size)
    tools.observe(FileFetched(entry=account.entry, path=file.path, size=file.size))


def _cancel(futures: list[Future[None]]) -> None:
    for future in futures:
        future.cancel()
    # What has begun ends by itself; nothing of this entry goes on behind its report.
    wait([future for future in futures if not future.cancelled()])
