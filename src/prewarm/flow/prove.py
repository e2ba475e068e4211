"""Loads an entry, and fetches what its classes look for and the plan did not have. Changes with the proof's rounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from prewarm.flow.account import Account, Tools
from prewarm.flow.fetch import fetch
from prewarm.flow.resolve import Resolved, listed_again, read_documents
from prewarm.flow.stages import INSPECTION, PROOF
from prewarm.flow.trust import refuse_changed_code, with_code_hashes
from prewarm.plan import Known, Needs, matches_any, proof_request, with_absent, with_files
from prewarm.records import names
from prewarm.records.errors import HubError, ProofError
from prewarm.records.events import FilesAdded, InspectionPassed, InspectionStarted, ProofAwaited, ProofStarted
from prewarm.records.listing import Repo, RepoFile
from prewarm.records.lock import LockedEntry, LockedRepo
from prewarm.records.proof import Proof, ProofRequest

_SHOWN = 3
_LOOKED_FOR_MAX = 500
"""Names of one entry: code of a repository may look for any number of them."""
_ROUNDS = 4
"""A file that is added may lead to another one, such as an index to its shards; but not for ever."""


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
    await tools.stages.prove(INSPECTION, partial(tools.prover.inspect, request))
    tools.observe(InspectionPassed(entry=account.entry))
    return resolved


async def prove(resolved: Resolved, tools: Tools, account: Account) -> Proven:
    """Load processor and model, offline, when it is the entry's turn.

    Raises:
        ProofError: they do not load.
        HubError: a file that they look for cannot be had.
    """
    added: tuple[str, ...] = ()
    rounds_left = _ROUNDS
    while True:
        rounds_left -= 1
        request, resolved = await tools.stages.look_after(_request_of, resolved, tools, account)
        tools.observe(ProofAwaited(entry=account.entry))
        outcome = await tools.stages.prove(PROOF, partial(_try, request, tools, account))
        extra, unsure, resolved = await tools.stages.plan(_extra, resolved, outcome, tools, account)
        if not extra or not rounds_left:
            break
        paths = tuple(sorted(path for found in extra.values() for path in found))
        tools.observe(FilesAdded(entry=account.entry, paths=paths))
        added += paths
        resolved = replace(resolved, locked=with_files(resolved.locked, resolved.known, extra))
        resolved = await tools.stages.plan(_bring, resolved, extra, tools, account)
    if isinstance(outcome, ProofError):
        raise outcome
    notes = []
    if added:
        notes.append(f"its classes also open {', '.join(added)}: fetched, and locked")
    if unsure:
        notes.append(
            f"its classes look for {', '.join(unsure)}, and nobody could be asked whether the repository has it: "
            "run prewarm when the Hub can be reached"
        )
    return Proven(proof=replace(outcome, notes=(*outcome.notes, *notes)), resolved=resolved, is_sure=not unsure)


def _show_and_request(resolved: Resolved, tools: Tools, account: Account) -> tuple[ProofRequest, Resolved]:
    refuse_changed_code(resolved.locked, tools.cache)
    for repo in resolved.locked.repos:
        tools.cache.link(repo)
    return _request_of(resolved, tools, account)


def _request_of(resolved: Resolved, tools: Tools, account: Account) -> tuple[ProofRequest, Resolved]:
    """What to load; reads the processor's configuration where the lock alone does not tell the class."""
    while True:
        try:
            return proof_request(resolved.locked, resolved.known, tools.cache.path), resolved
        except Needs as needs:
            wanted = [_locked_file(resolved, repo, path) for repo, path in needs.documents]
            documents = {**resolved.known.documents, **read_documents(wanted, tools, account)}
            resolved = replace(resolved, known=Known(listings=resolved.known.listings, documents=documents))


def _try(request: ProofRequest, tools: Tools, account: Account) -> Proof | ProofError:
    try:
        return tools.prover.prove(request, lambda: tools.observe(ProofStarted(entry=account.entry)))
    except ProofError as error:
        return error


def _extra(
    resolved: Resolved, outcome: Proof | ProofError, tools: Tools, account: Account
) -> tuple[Mapping[Repo, set[str]], tuple[str, ...], Resolved]:
    """What the classes looked for, the plan did not have, and the repository has.

    Gives as well what nobody can say of, and what is known of the repositories now: a loader that does without a file
    makes up what is in it, so that also a passed proof says nothing before that is known.
    """
    wanted = _looked_for(resolved.locked, outcome)
    if not wanted or resolved.locked.entry.include is not None:
        return {}, (), resolved
    if not resolved.is_fresh:
        # The lock lists only what was needed when it was written; the repository may have more.
        try:
            resolved = listed_again(resolved, tools, account)
        except HubError:
            if isinstance(outcome, ProofError):
                # What did not load is worth more than that nobody can say what else there is.
                raise outcome from None
            return {}, tuple(sorted(path for paths in wanted.values() for path in paths))[:_SHOWN], resolved
    known, exclude = resolved.known, resolved.locked.entry.exclude
    absent = {repo: paths - known.paths(repo) for repo, paths in wanted.items()}
    resolved = replace(resolved, locked=with_absent(resolved.locked, absent))
    for repo in resolved.locked.repos:
        tools.cache.link(repo)
    found = {
        repo: {path for path in paths & known.paths(repo) if not matches_any(path, exclude)}
        for repo, paths in wanted.items()
    }
    return {repo: paths for repo, paths in found.items() if paths}, (), resolved


def _looked_for(locked: LockedEntry, outcome: Proof | ProofError) -> dict[Repo, set[str]]:
    """What the classes looked for in vain, less what the repositories are known not to have."""
    found = {}
    for repo in locked.repos:
        known = {file.path for file in repo.files} | set(repo.absent)
        asked = {path for repo_id, path in outcome.looked_for if repo_id == repo.repo.repo_id}
        if paths := {path for path in sorted(asked - known)[:_LOOKED_FOR_MAX] if names.is_path(path)}:
            found[repo.repo] = paths
    return found


def _bring(resolved: Resolved, extra: Mapping[Repo, set[str]], tools: Tools, account: Account) -> Resolved:
    fetch([pair for pair in resolved.locked.files if pair[1].path in extra.get(pair[0].repo, ())], tools, account)
    resolved = replace(resolved, locked=with_code_hashes(resolved.locked, tools.cache))
    for repo in resolved.locked.repos:
        tools.cache.link(repo)
    return resolved


def _locked_file(resolved: Resolved, repo: Repo, path: str) -> tuple[LockedRepo, RepoFile]:
    return next(pair for pair in resolved.locked.files if pair[0].repo == repo and pair[1].path == path)
