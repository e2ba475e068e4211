"""What is different between two locks of an entry. Changes with what a reader of a lock wants to know."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from prewarm.records.entry import Entry
from prewarm.records.failure import Failure
from prewarm.records.listing import RepoFile
from prewarm.records.lock import LockedEntry, LockedRepo
from prewarm.records.text import harmless_lines


@dataclass(frozen=True, kw_only=True)
class FileChange:
    """One file that was added, changed or removed."""

    repo_id: str
    path: str
    before: RepoFile | None
    after: RepoFile | None

    @property
    def is_code(self) -> bool:
        """Whether it is run where the entry is trusted."""
        return any(file is not None and file.code_sha256 for file in (self.before, self.after))


@dataclass(frozen=True, kw_only=True)
class CodeChange:
    """Code that would run, and is not what was locked before."""

    repo_id: str
    path: str
    diff: tuple[str, ...]
    """Lines of a unified diff."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What becomes of an entry in the lock."""

    entry: Entry
    before: LockedEntry | None = None
    after: LockedEntry | None = None
    """None: it is not locked, or goes."""
    files: tuple[FileChange, ...] = ()
    code: tuple[CodeChange, ...] = ()
    terms: tuple[str, ...] = ()
    """What is different in licence and gating, a sentence each."""
    fetch_bytes: int = 0
    """Bytes that the cache does not hold."""
    failure: Failure | None = None

    @property
    def is_one(self) -> bool:
        """Whether anything is different, or has to become so."""
        return self.failure is None and (self.after is None or self.before != self.after)


def file_changes(before: LockedEntry | None, after: LockedEntry) -> tuple[FileChange, ...]:
    """The files of two locks that differ, in the order of their paths."""
    old = dict(_files(before)) if before is not None else {}
    new = dict(_files(after))
    return tuple(
        FileChange(repo_id=key[0], path=key[1], before=old.get(key), after=new.get(key))
        for key in sorted({*old, *new})
        if _digest(old.get(key)) != _digest(new.get(key))
    )


def term_changes(before: LockedEntry | None, after: LockedEntry) -> tuple[str, ...]:
    """What is different in the terms under which its repositories are had, a sentence each."""
    old = {repo.repo.repo_id: repo for repo in before.repos} if before is not None else {}
    said = []
    for repo in after.repos:
        known = old.get(repo.repo.repo_id)
        if known is None:
            continue
        if known.license != repo.license:
            said.append(f"{repo.repo.repo_id}: its license was {_named(known)}, and is {_named(repo)}")
        if known.gated != repo.gated:
            said.append(f"{repo.repo.repo_id}: {'it is gated now' if repo.gated else 'it is gated no more'}")
    return tuple(said)


def with_terms(locked: LockedEntry, terms: LockedEntry) -> LockedEntry:
    """``locked`` with the terms that ``terms`` names for its repositories."""
    known = {repo.repo: repo for repo in terms.repos}
    repos = tuple(
        replace(repo, license=known[repo.repo].license, gated=known[repo.repo].gated) if repo.repo in known else repo
        for repo in locked.repos
    )
    return replace(locked, repos=repos)


def _named(repo: LockedRepo) -> str:
    return repo.license or "not named"


def code_change(change: FileChange, before: bytes | None, after: bytes | None, commits: tuple[str, str]) -> CodeChange:
    """The unified diff of a file of code; ``commits`` are the old one and the new one."""
    texts = [(content or b"").decode("utf-8", errors="replace").splitlines() for content in (before, after)]
    shown = [
        f"{change.path} ({commit[:7]})" if content is not None else "/dev/null"
        for commit, content in zip(commits, (before, after), strict=True)
    ]
    diff = difflib.unified_diff(texts[0], texts[1], shown[0], shown[1], lineterm="")
    return CodeChange(repo_id=change.repo_id, path=change.path, diff=tuple(map(harmless_lines, diff)))


def _files(locked: LockedEntry) -> Iterator[tuple[tuple[str, str], RepoFile]]:
    for repo, file in locked.files:
        yield (repo.repo.repo_id, file.path), file


def _digest(file: RepoFile | None) -> str:
    return file.digest.value if file is not None else ""
