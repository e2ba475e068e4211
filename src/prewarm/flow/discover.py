"""Loads an entry once through the gateway, to see what it asks for. Changes with what follows from what was seen."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from prewarm.flow.account import Account, Tools
from prewarm.flow.asked import Asked
from prewarm.flow.requests import request_of
from prewarm.flow.resolve import Resolved
from prewarm.flow.show import show
from prewarm.flow.trust import refuse_changed_code, with_code_hashes
from prewarm.plan import Known
from prewarm.records.confinement import Confinement
from prewarm.records.errors import ProofError
from prewarm.records.events import DiscoveryStarted, FilesAdded
from prewarm.records.listing import Repo
from prewarm.records.lock import LockedEntry

_SHOWN = 5


async def discover(resolved: Resolved, tools: Tools, account: Account) -> tuple[Resolved, tuple[str, ...]]:
    """Let the entry's classes ask for what they want; what they got is in the cache, and in the lock, afterwards.

    Returns:
        The entry with its files, and what to say of it, a sentence each.

    Raises:
        ProofError: they do not load.
        HubError: a file that they want cannot be had.
        CacheError: it cannot be kept, or code is not what was locked.
    """
    await tools.stages.look_after(refuse_changed_code, resolved.locked, tools.cache)
    request, resolved = await tools.stages.look_after(request_of, resolved, tools, account)
    asked = Asked(resolved.locked.repos, tools, account, exclude=resolved.locked.entry.exclude)
    tools.observe(DiscoveryStarted(entry=account.entry))
    try:
        held = await tools.stages.discover(partial(tools.prover.discover, request, asked))
    except ProofError as error:
        raise _told(error, asked) from None
    before = resolved.locked
    locked = replace(before, repos=asked.repos(before.repos), is_complete=True)
    added = _added(before, locked)
    if added:
        tools.observe(FilesAdded(entry=account.entry, paths=added))
    locked = await tools.stages.look_after(with_code_hashes, locked, tools.cache)
    moved = await tools.stages.look_after(show, locked, tools)
    known = Known(listings={**resolved.known.listings, **asked.listings}, documents=resolved.known.documents)
    notes = (*_notes(before, locked), *_unheld(locked, held))
    return replace(resolved, locked=locked, known=known, is_fresh=True), (*notes, *moved)


def _told(error: ProofError, asked: Asked) -> ProofError:
    """``error``, with what the Hub refused meanwhile: it may be why."""
    if not asked.refused:
        return error
    refused = ", ".join(f"{repo.repo_id} ({said})" for repo, said in list(asked.refused.items())[:_SHOWN])
    return ProofError(error.kind, f"{error.message}; it also asked for {refused}", hint=error.hint, trace=error.trace)


def _added(before: LockedEntry, after: LockedEntry) -> tuple[str, ...]:
    known = {(repo.repo, file.path) for repo, file in before.files}
    return tuple(
        _name(repo.repo, file.path, after) for repo, file in after.files if (repo.repo, file.path) not in known
    )


def _name(repo: Repo, path: str, locked: LockedEntry) -> str:
    return path if repo == locked.entry.repo else f"{repo.repo_id}: {path}"


def _unheld(locked: LockedEntry, held: Confinement) -> tuple[str, ...]:
    """What code of the repository could have done while it was online, in words."""
    if not locked.entry.trust_remote_code or not held.lacks:
        return ()
    return (f"while it was loaded to see what it asks for, its code was not kept from this: {'; '.join(held.lacks)}",)


def _notes(before: LockedEntry, after: LockedEntry) -> tuple[str, ...]:
    known = {repo.repo for repo in before.repos}
    further = [repo for repo in after.repos if repo.repo not in known]
    said = []
    if further:
        named = ", ".join(f"{repo.repo.repo_id} at {repo.commit[:7]}" for repo in further)
        said.append(f"its loading also asks for {named}: fetched, and locked")
    own = [name for name in _added(before, after) if ": " not in name]
    if own and not before.entry.foreign_class:
        more = f" and {len(own) - _SHOWN} more" if len(own) > _SHOWN else ""
        said.append(f"its classes also open {', '.join(own[:_SHOWN])}{more}: fetched, and locked")
    return tuple(said)
