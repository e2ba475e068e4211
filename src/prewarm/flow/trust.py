"""Whether code that is about to run is what was locked. Changes with what may be run."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from prewarm.flow.ports import Cache
from prewarm.records.errors import CacheError
from prewarm.records.lock import LockedEntry


def refuse_changed_code(locked: LockedEntry, cache: Cache) -> None:
    """Read every file of remote code once more before it runs: git's hash of it is no protection against intent.

    Raises:
        CacheError: ``corrupt``, where a file is not what was read when it was locked.
    """
    if not locked.entry.trust_remote_code:
        return
    for repo, file in locked.files:
        if file.code_sha256 and hashlib.sha256(cache.read(repo, file)).hexdigest() != file.code_sha256:
            raise CacheError(
                "corrupt",
                f"{file.path} of {repo.repo.repo_id} is not the code that was locked",
                hint="prewarm verify --repair fetches it again; if it stays, tell the repository's owner",
            )


def with_code_hashes(locked: LockedEntry, cache: Cache) -> LockedEntry:
    """``locked`` with the sha256 of all code that may run and has none there yet, such as what a proof has added.

    Raises:
        CacheError: a file cannot be read.
    """
    if not locked.entry.trust_remote_code:
        return locked
    repos = tuple(
        replace(
            repo,
            files=tuple(
                replace(file, code_sha256=hashlib.sha256(cache.read(repo, file)).hexdigest())
                if file.path.endswith(".py") and not file.code_sha256
                else file
                for file in repo.files
            ),
        )
        for repo in locked.repos
    )
    return replace(locked, repos=repos)
