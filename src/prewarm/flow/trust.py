"""Whether code that is about to run is what was locked. Changes with what may be run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

from prewarm.flow.ports import Cache
from prewarm.records.errors import CacheError
from prewarm.records.listing import Repo, RepoFile
from prewarm.records.lock import LockedEntry, LockedRepo

Seal: TypeAlias = Mapping[tuple[Repo, str], tuple[int, ...]]
"""(repository, path) to what changes with a file."""


def refuse_changed_code(locked: LockedEntry, cache: Cache) -> None:
    """Read every file of remote code once more before it runs: git's hash of it is no protection against intent.

    Raises:
        CacheError: ``corrupt``, where a file is not what was read when it was locked.
    """
    for repo, file in locked.files:
        if file.code_sha256 and hashlib.sha256(cache.read(repo, file)).hexdigest() != file.code_sha256:
            raise CacheError(
                "corrupt",
                f"{file.path} of {repo.repo.repo_id} is not the code that was locked",
                hint="prewarm verify --repair fetches it again; if it stays, tell the repository's owner",
            )


def sealed(locked: LockedEntry, cache: Cache) -> Seal:
    """What the entry's files are, before somebody's code is near them."""
    return {(repo.repo, file.path): cache.stamp(repo, file) for repo, file in locked.files}


def refuse_altered(locked: LockedEntry, before: Seal, cache: Cache, *, is_held: bool) -> None:
    """Look at the files after a load: what was proven must be what was hashed.

    Args:
        locked: the entry.
        before: as ``sealed`` gave it.
        cache: where the files are.
        is_held: whether the system kept the cache from being written; else code of a repository may have changed a file
            and set its times back, and every byte is read again.

    Raises:
        CacheError: ``corrupt``, where a file is not what it was.
    """
    reads = locked.entry.trust_remote_code and not is_held
    for repo, file in locked.files:
        stamp = cache.stamp(repo, file)
        # Times change by others' doing as well: a link that is made, a copy that is shared.
        is_same = stamp == before.get((repo.repo, file.path), stamp)
        if (reads or not is_same) and not cache.is_right(repo, file):
            raise CacheError(
                "corrupt",
                f"{file.path} of {repo.repo.repo_id} was changed while it was loaded",
                hint="prewarm verify --repair fetches it again; do not load it before you know what has changed it",
            )
    refuse_changed_code(locked, cache)


def with_code_hashes(locked: LockedEntry, cache: Cache) -> LockedEntry:
    """``locked`` with the sha256 of all that may run and has none there yet: code, and files that are trusted.

    Raises:
        CacheError: a file cannot be read.
    """
    entry = locked.entry
    if not entry.trust_remote_code and not entry.unsafe_files:
        return locked

    def counts(repo: LockedRepo, file: RepoFile) -> bool:
        if file.path.endswith(".py"):
            return entry.trust_remote_code
        return repo.repo == entry.repo and file.path in (entry.unsafe_files or ())

    repos = tuple(
        replace(
            repo,
            files=tuple(
                replace(file, code_sha256=hashlib.sha256(cache.read(repo, file)).hexdigest())
                if counts(repo, file) and not file.code_sha256
                else file
                for file in repo.files
            ),
        )
        for repo in locked.repos
    )
    return replace(locked, repos=repos)
