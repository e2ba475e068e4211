"""Loads an entry, and fetches what its classes look for and the plan did not have. Changes with the proof's rounds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from prewarm.flow.account import Account, Tools
from prewarm.flow.fetch import fetch
from prewarm.flow.resolve import Resolved, listed_again, read_documents
from prewarm.plan import Known, Needs, matches_any, proof_request, with_files
from prewarm.records.errors import HubError, ProofError
from prewarm.records.events import FilesAdded, ProofStarted
from prewarm.records.listing import Repo, RepoFile
from prewarm.records.lock import LockedRepo
from prewarm.records.proof import Proof, ProofRequest

_ROUNDS = 4
"""A file that is added may lead to another one, such as an index to its shards; but not for ever."""


@dataclass(frozen=True, kw_only=True)
class Proven:
    """A passed proof, and the files that it turned out to need."""

    proof: Proof
    resolved: Resolved


def request_of(resolved: Resolved, tools: Tools, account: Account) -> tuple[ProofRequest, Resolved]:
    """What to load; reads the processor's configuration where the lock alone does not tell the class."""
    while True:
        try:
            return proof_request(resolved.locked, resolved.known, tools.cache.path), resolved
        except Needs as needs:
            wanted = [_locked_file(resolved, repo, path) for repo, path in needs.documents]
            documents = {**resolved.known.documents, **read_documents(wanted, tools, account)}
            resolved = replace(resolved, known=Known(listings=resolved.known.listings, documents=documents))


def prove(resolved: Resolved, tools: Tools, account: Account) -> Proven:
    """Load processor and model, offline.

    Raises:
        ProofError: they do not load.
        HubError: a file that they look for cannot be had.
    """
    added: tuple[str, ...] = ()
    rounds_left = _ROUNDS
    while True:
        rounds_left -= 1
        request, resolved = request_of(resolved, tools, account)
        outcome = _try(request, tools, account)
        if isinstance(outcome, ProofError) and outcome.looked_for and not resolved.is_fresh:
            # The lock lists only what was needed when it was written; the repository may have more.
            try:
                resolved = listed_again(resolved, tools, account)
            except HubError:
                # What did not load is worth more than that nobody can say what else there is.
                raise outcome from None
        extra = _extra(resolved, outcome.looked_for)
        if not extra or not rounds_left:
            break
        paths = tuple(sorted(path for found in extra.values() for path in found))
        tools.observe(FilesAdded(entry=account.entry, paths=paths))
        added += paths
        resolved = replace(resolved, locked=with_files(resolved.locked, resolved.known, extra))
        fetch([pair for pair in resolved.locked.files if pair[1].path in extra.get(pair[0].repo, ())], tools, account)
        for repo in resolved.locked.repos:
            tools.cache.link(repo)
    if isinstance(outcome, ProofError):
        raise outcome
    if added:
        outcome = replace(
            outcome, notes=(*outcome.notes, f"its classes also open {', '.join(added)}: fetched, and locked")
        )
    return Proven(proof=outcome, resolved=resolved)


def _try(request: ProofRequest, tools: Tools, account: Account) -> Proof | ProofError:
    try:
        return tools.prover.prove(request, lambda: tools.observe(ProofStarted(entry=account.entry)))
    except ProofError as error:
        return error


def _extra(resolved: Resolved, looked_for: tuple[tuple[str, str], ...]) -> dict[Repo, set[str]]:
    entry = resolved.locked.entry
    if not resolved.is_fresh or entry.include is not None:
        return {}
    found: dict[Repo, set[str]] = {}
    for repo in resolved.locked.repos:
        have = {file.path for file in repo.files}
        wanted = {path for repo_id, path in looked_for if repo_id == repo.repo.repo_id} - have
        listed = wanted & resolved.known.paths(repo.repo)
        kept = {path for path in listed if not matches_any(path, entry.exclude)}
        if kept:
            found[repo.repo] = kept
    return found


def _locked_file(resolved: Resolved, repo: Repo, path: str) -> tuple[LockedRepo, RepoFile]:
    return next(pair for pair in resolved.locked.files if pair[0].repo == repo and pair[1].path == path)
