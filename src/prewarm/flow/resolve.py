"""An entry to its commits and files: asks the Hub what the planning needs to know. Changes with what a plan needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from prewarm.flow.account import Account, Tools
from prewarm.flow.fetch import fetch
from prewarm.flow.ports import Cache
from prewarm.plan import Known, Needs, lock_entry, select
from prewarm.records.entry import Entry
from prewarm.records.errors import EntryError, HubError
from prewarm.records.listing import Listing, Repo, RepoFile
from prewarm.records.lock import LockedEntry, LockedRepo

NOTHING = Known()
Answer = TypeVar("Answer")
_OUT_OF_REACH = ("unreachable", "timeout", "rate-limited")


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """An entry with its files, and what is known of its repositories."""

    locked: LockedEntry
    known: Known
    is_fresh: bool
    """Whether the Hub was asked: then the listings name every file, else only those of the lock."""
    is_settled: bool = True
    """Whether the lock may say so; not where the cache was asked in the Hub's place."""
    notes: tuple[str, ...] = ()

    @property
    def listings(self) -> tuple[Listing, ...]:
        """What the Hub says of its repositories, where it was asked."""
        return tuple(self.known.listings.values()) if self.is_fresh else ()


def resolve(entry: Entry, tools: Tools, account: Account, known: Known = NOTHING) -> Resolved:
    """Ask the Hub what ``entry`` consists of; the small files that decide the rest are in the cache afterwards.

    Args:
        entry: what is asked about.
        tools: what the run works with.
        account: is told what it costs.
        known: what is known already.

    Raises:
        HubError: the Hub does not tell.
        PlanError: its classes cannot load what the repository has.
        CacheError: the cache cannot be written.
    """

    def plan(known: Known) -> tuple[LockedEntry, tuple[str, ...]]:
        selection = select(entry, known)
        return lock_entry(entry, selection, known), selection.notes

    (locked, notes), known = answered(plan, tools, account, known)
    return Resolved(locked=locked, known=known, is_fresh=True, notes=notes)


def answered(
    asking: Callable[[Known], Answer], tools: Tools, account: Account, known: Known = NOTHING
) -> tuple[Answer, Known]:
    """What ``asking`` makes of all that it has to know of repositories, and that.

    Raises:
        HubError: the Hub does not tell.
        CacheError: the cache cannot be written.
        Exception: what ``asking`` raises.
    """
    while True:
        try:
            return asking(known), known
        except Needs as needs:
            known = _learn(known, needs, tools, account)


def from_cache(entry: Entry, cache: Cache) -> Resolved | None:
    """What the cache itself knows of an entry, without a request; None where that does not make a complete one."""
    if entry.include is not None or entry.repo_type == "dataset":
        # What matches the globs can only be told from everything there is.
        return None
    try:
        return _from_cache(entry, cache)
    except EntryError:
        return None


def _from_cache(entry: Entry, cache: Cache) -> Resolved | None:
    known = Known()
    while True:
        try:
            locked = lock_entry(entry, select(entry, known), known)
        except Needs as needs:
            listings, documents = dict(known.listings), dict(known.documents)
            for repo in needs.repos:
                listing = cache.listing(repo)
                if listing is None:
                    return None
                listings[repo] = listing
            for repo, path in needs.documents:
                documents[repo, path] = cache.read(*_file_of(listings[repo], path))
            known = Known(listings=listings, documents=documents)
        else:
            # The cache holds a part of the commit: what it lacks may exist.
            repos = tuple(replace(repo, absent=()) for repo in locked.repos)
            # Whatever it asks for, there is nobody who could give more.
            found = replace(locked, repos=repos, is_complete=True)
            return Resolved(locked=found, known=known, is_fresh=False, is_settled=False)


def resolve_or_recall(entry: Entry, tools: Tools, account: Account) -> Resolved:
    """As ``resolve``; where the Hub cannot be reached, what the cache has of the entry, if that is complete.

    Raises:
        HubError, PlanError, CacheError: as ``resolve``.
    """
    try:
        return resolve(entry, tools, account)
    except HubError as error:
        recalled = from_cache(entry, tools.cache) if error.kind in _OUT_OF_REACH else None
        if recalled is None:
            raise
        said = (
            f"{error.message}: taken as the cache has it, {entry.revision} at {recalled.locked.commit[:7]}, not locked"
        )
        return replace(recalled, notes=(said,))


def from_lock(locked: LockedEntry) -> Resolved:
    """What the lock knows, without a request."""
    listings = {
        repo.repo: Listing(repo=repo.repo, commit=repo.commit, files=repo.files, served_as=repo.served_as)
        for repo in locked.repos
    }
    return Resolved(locked=locked, known=Known(listings=listings), is_fresh=False)


def _learn(known: Known, needs: Needs, tools: Tools, account: Account) -> Known:
    listings, documents = dict(known.listings), dict(known.documents)
    for repo in needs.repos:
        pinned = replace(repo, revision=tools.pins.get(repo, repo.revision))
        listings[repo] = replace(tools.hub.listing(pinned, account.add), repo=repo)
    wanted = [_file_of(listings[repo], path) for repo, path in needs.documents]
    documents.update(read_documents(wanted, tools, account))
    return Known(listings=listings, documents=documents)


def read_documents(
    files: list[tuple[LockedRepo, RepoFile]], tools: Tools, account: Account
) -> dict[tuple[Repo, str], bytes]:
    """The content of small files, fetched where the cache has them not."""
    # What is there waits behind nothing.
    missing = [pair for pair in files if not tools.cache.has(*pair)]
    if missing:
        fetch(missing, tools, account)
    return {(repo.repo, file.path): tools.cache.read(repo, file) for repo, file in files}


def _file_of(listing: Listing, path: str) -> tuple[LockedRepo, RepoFile]:
    file = listing.find(path)
    assert file is not None, "the planning asks only for files that are listed"
    return LockedRepo(repo=listing.repo, commit=listing.commit, files=(file,), served_as=listing.served_as), file
