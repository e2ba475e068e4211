"""Loads an entry offline, and through the gateway before where no rule tells its files. Changes with these steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from posixpath import normpath

from prewarm.flow.account import Account, Tools
from prewarm.flow.discover import discover
from prewarm.flow.requests import request_of
from prewarm.flow.resolve import Resolved
from prewarm.flow.stages import INSPECTION, PROOF
from prewarm.flow.trust import refuse_altered, refuse_changed_code, sealed
from prewarm.flow.unsafe import without_unsafe
from prewarm.records import names
from prewarm.records.errors import HubError, ProofError
from prewarm.records.events import InspectionPassed, InspectionStarted, ProofAwaited, ProofStarted
from prewarm.records.lock import LockedEntry
from prewarm.records.proof import Proof, ProofRequest

_SHOWN = 3
_LOOKED_FOR_MAX = 500
"""Names of one entry: code of a repository may look for any number of them."""


@dataclass(frozen=True, kw_only=True)
class Proven:
    """A passed proof, and the files that it turned out to need."""

    proof: Proof
    resolved: Resolved
    is_sure: bool = True
    """Whether it is known of every file that the classes looked for in vain that the repository does not have it."""


async def inspect(resolved: Resolved, tools: Tools, account: Account) -> Resolved:
    """Ask the installed classes whether they know the model, before all of its weights have come.

    Raises:
        ProofError: they do not.
        CacheError: code is not what was locked.
    """
    request, resolved = await tools.stages.look_after(_show_and_request, resolved, tools, account)
    tools.observe(InspectionStarted(entry=account.entry))
    try:
        await tools.stages.prove(INSPECTION, partial(tools.prover.inspect, request))
    except ProofError as error:
        # What they look for comes when they are loaded through the gateway.
        if not _looked_for(resolved.locked, error):
            raise
    tools.observe(InspectionPassed(entry=account.entry))
    return resolved


async def prove(resolved: Resolved, tools: Tools, account: Account) -> Proven:
    """Load the entry, offline, when it is its turn.

    Where no rule tells what its classes ask for, and where they look for a file that is not there, they are loaded
    through the gateway before: once, when it is first locked or its files change.

    Raises:
        ProofError: they do not load.
        HubError: a file that they want cannot be had.
        CacheError: the cache cannot be written, or code is not what was locked.
    """
    notes: tuple[str, ...] = ()
    is_discovered = not tools.discovers or resolved.locked.entry.include is not None
    if not is_discovered and not resolved.locked.is_complete:
        resolved, notes = await discover(resolved, tools, account)
        is_discovered = True
    while True:
        outcome, resolved = await _load(resolved, tools, account)
        wanted = _looked_for(resolved.locked, outcome)
        if is_discovered or not wanted:
            break
        try:
            await tools.stages.plan(_ask, resolved.locked, tools, account)
        except HubError:
            if isinstance(outcome, ProofError):
                # What did not load is worth more than that nobody can say what else there is.
                raise outcome from None
            break
        resolved, notes = await discover(resolved, tools, account)
        is_discovered = True
    if isinstance(outcome, ProofError) and _is_of_another(resolved.locked, outcome):
        # What it needs may be another entry's, which was not there yet.
        await tools.stages.others_ended()
        outcome, resolved = await _load(resolved, tools, account)
    if isinstance(outcome, ProofError):
        raise outcome
    is_unsure = bool(wanted) and resolved.locked.entry.include is None and not resolved.is_fresh
    if is_unsure:
        named = ", ".join(wanted[:_SHOWN])
        nobody = "and nobody could be asked whether the repository has it: run prewarm when the Hub can be reached"
        notes = (*notes, f"its classes look for {named}, {nobody}")
    proof = replace(outcome, notes=(*outcome.notes, *notes))
    return Proven(proof=proof, resolved=resolved, is_sure=not is_unsure)


async def _load(resolved: Resolved, tools: Tools, account: Account) -> tuple[Proof | ProofError, Resolved]:
    request, resolved = await tools.stages.look_after(request_of, resolved, tools, account)
    tools.observe(ProofAwaited(entry=account.entry))
    before = await tools.stages.look_after(sealed, resolved.locked, tools.cache)
    outcome = await tools.stages.prove(PROOF, partial(_try, request, tools, account))
    is_held = isinstance(outcome, Proof) and outcome.confinement is not None and outcome.confinement.keeps_files
    check = partial(refuse_altered, is_held=is_held)
    await tools.stages.look_after(check, resolved.locked, before, tools.cache)
    return outcome, resolved


def _ask(locked: LockedEntry, tools: Tools, account: Account) -> None:
    """Whether anybody can say what the repositories have; what they list is not asked for again."""
    for repo in locked.repos:
        tools.hub.listing(replace(repo.repo, revision=repo.commit), account.add)


def _show_and_request(resolved: Resolved, tools: Tools, account: Account) -> tuple[ProofRequest, Resolved]:
    refuse_changed_code(resolved.locked, tools.cache)
    shown, _ = without_unsafe(resolved.locked, tools)
    for repo in shown.repos:
        tools.cache.link(repo)
    return request_of(resolved, tools, account)


def _try(request: ProofRequest, tools: Tools, account: Account) -> Proof | ProofError:
    try:
        return tools.prover.prove(request, lambda: tools.observe(ProofStarted(entry=account.entry)))
    except ProofError as error:
        return error


def _is_of_another(locked: LockedEntry, error: ProofError) -> bool:
    own = {repo.repo.repo_id for repo in locked.repos}
    return any(repo_id not in own for repo_id, _ in error.looked_for)


def _looked_for(locked: LockedEntry, outcome: Proof | ProofError) -> list[str]:
    """What the classes looked for in vain, less what the repositories are known not to have.

    A loader that does without a file makes up what is in it, so that a passed proof says nothing before that is known.
    """
    known: dict[str, set[str]] = {}
    for repo in locked.repos:
        known.setdefault(repo.repo.repo_id, set()).update((file.path for file in repo.files), repo.absent)
    found = []
    for repo_id, path in sorted(set(outcome.looked_for))[:_LOOKED_FOR_MAX]:
        plain = normpath(path)
        # A repository that is none of the entry's is news as well.
        if names.is_repo_id(repo_id) and names.is_path(plain) and plain not in known.get(repo_id, ()):
            found.append(plain)
    return found
