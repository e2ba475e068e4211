"""A selection to a LockedEntry, and a LockedEntry to what is missing of it. Changes when the lock does."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace

from prewarm.plan.absent import absent_files
from prewarm.plan.known import Known
from prewarm.plan.select import Selection
from prewarm.records.entry import Entry
from prewarm.records.listing import Repo, RepoFile
from prewarm.records.lock import LockedEntry, LockedRepo
from prewarm.records.plan import Plan


def lock_entry(entry: Entry, selection: Selection, known: Known) -> LockedEntry:
    """The entry with the commits and the files that were selected.

    Raises:
        Needs: the content of code, whose hash the lock keeps.
    """
    repos = []
    for repo, paths in selection.files.items():
        listing = known.listing(repo)
        files = tuple(sorted((file for file in listing.files if file.path in paths), key=lambda file: file.path))
        if entry.trust_remote_code:
            files = _with_code(known, repo, files)
        if files or repo == entry.repo:
            repos.append(
                LockedRepo(
                    repo=repo,
                    commit=listing.commit,
                    files=files,
                    served_as=listing.served_as,
                    license=listing.license,
                    gated=listing.gated,
                    absent=absent_files(entry, known, repo) if entry.loads_model or entry.loads_processor else (),
                )
            )
    return LockedEntry(entry=entry, repos=tuple(repos), is_complete=selection.is_exact)


def _with_code(known: Known, repo: Repo, files: tuple[RepoFile, ...]) -> tuple[RepoFile, ...]:
    code = [file.path for file in files if file.path.endswith(".py")]
    known.ask(repo, code)
    return tuple(
        replace(file, code_sha256=hashlib.sha256(known.documents[repo, file.path]).hexdigest())
        if file.path in code
        else file
        for file in files
    )


def with_files(locked: LockedEntry, known: Known, extra: Mapping[Repo, Collection[str]]) -> LockedEntry:
    """``locked`` with more files of the repositories that it already has."""
    repos = []
    for repo in locked.repos:
        have = {file.path for file in repo.files}
        more = [
            file
            for file in known.listing(repo.repo).files
            if file.path in extra.get(repo.repo, ()) and file.path not in have
        ]
        repos.append(replace(repo, files=tuple(sorted([*repo.files, *more], key=lambda file: file.path))))
    return replace(locked, repos=tuple(repos))


def with_absent(locked: LockedEntry, names: Mapping[Repo, Collection[str]]) -> LockedEntry:
    """``locked`` with more names that its repositories were found not to have."""
    repos = tuple(
        replace(repo, absent=tuple(sorted({*repo.absent, *names.get(repo.repo, ())}))) for repo in locked.repos
    )
    return replace(locked, repos=repos)


def make(locked: LockedEntry, present: Collection[tuple[Repo, str]]) -> Plan:
    """What is missing; ``present`` holds (repository, path) of the files that the cache has whole."""
    missing = tuple((repo, file) for repo, file in locked.files if (repo.repo, file.path) not in present)
    return Plan(locked=locked, missing=missing)
