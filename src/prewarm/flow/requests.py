"""An entry that is whole, to the request for its load. Changes with what has to be read for it."""

from __future__ import annotations

from dataclasses import replace

from prewarm.flow.account import Account, Tools
from prewarm.flow.resolve import Resolved, read_documents
from prewarm.plan import Known, Needs, proof_request
from prewarm.records.listing import Repo, RepoFile
from prewarm.records.lock import LockedRepo
from prewarm.records.proof import ProofRequest


def request_of(resolved: Resolved, tools: Tools, account: Account) -> tuple[ProofRequest, Resolved]:
    """What to load; reads the processor's configuration where the lock alone does not tell the class."""
    while True:
        try:
            return proof_request(resolved.locked, resolved.known, tools.cache.path), resolved
        except Needs as needs:
            wanted = [_locked_file(resolved, repo, path) for repo, path in needs.documents]
            documents = {**resolved.known.documents, **read_documents(wanted, tools, account)}
            resolved = replace(resolved, known=Known(listings=resolved.known.listings, documents=documents))


def _locked_file(resolved: Resolved, repo: Repo, path: str) -> tuple[LockedRepo, RepoFile]:
    return next(pair for pair in resolved.locked.files if pair[0].repo == repo and pair[1].path == path)
