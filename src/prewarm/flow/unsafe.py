"""Files that do something as they are opened: found before anybody opens them. Changes with what is done about one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from prewarm.flow.account import Tools
from prewarm.plan import hints
from prewarm.records.entry import Entry
from prewarm.records.errors import CacheError
from prewarm.records.listing import RepoFile
from prewarm.records.lock import LockedEntry, LockedRepo

_GLOB = frozenset("*?[")
_SHOWN = 5


def without_unsafe(locked: LockedEntry, tools: Tools) -> tuple[LockedEntry, tuple[str, ...]]:
    """Look into the files of an entry that are there, before they are shown.

    Returns:
        The entry without what only a wide glob has brought, and what to say of it, a sentence each.

    Raises:
        CacheError: ``unsafe``, where a file that is needed, or named, does something as it is opened.
    """
    notes: list[str] = []
    repos = []
    for repo in locked.repos:
        withheld = set()
        for file in repo.files:
            if not tools.cache.has(repo, file) or not (said := _findings(repo, file, tools)):
                continue
            words = _words(said)
            if is_trusted(repo, file, tools):
                notes.append(f"{file.path} is trusted by unsafe_files: {words}")
            elif _is_swept_in(locked.entry, file):
                withheld.add(file.path)
                brings = f'unsafe_files = ["{file.path}"]'
                notes.append(
                    f"{file.path} is withheld, since it does this as it is opened: {words}; {brings} brings it"
                )
            else:
                raise refusal(locked.entry, repo, file, said)
        kept = tuple(file for file in repo.files if file.path not in withheld)
        repos.append(replace(repo, files=kept) if withheld else repo)
    return replace(locked, repos=tuple(repos)), tuple(notes)


def refuse_unsafe(entry: Entry, repo: LockedRepo, file: RepoFile, tools: Tools) -> None:
    """Look into one file that somebody is about to open.

    Raises:
        CacheError: ``unsafe``: it does something as it is opened, and nobody trusts it.
    """
    if not is_trusted(repo, file, tools) and (said := _findings(repo, file, tools)):
        raise refusal(entry, repo, file, said)


def is_trusted(repo: LockedRepo, file: RepoFile, tools: Tools) -> bool:
    """Whether the manifest names the file, in whatever entry of its repository."""
    return (repo.repo.repo_id, file.path) in tools.trusted


def refusal(entry: Entry, repo: LockedRepo, file: RepoFile, said: Sequence[str]) -> CacheError:
    """The error for a file that nobody trusts."""
    where = f"{file.path} of {repo.repo.repo_id}"
    named = [file.path]
    if repo.repo.repo_id == entry.id:
        named = [*(entry.unsafe_files or ()), file.path]
    else:
        # An entry of its own: trust is in a repository, and not in who asks for it.
        entry = Entry(id=repo.repo.repo_id, revision=repo.repo.revision, include=(file.path,))
    written = hints.whole(entry, f"unsafe_files = [{', '.join(json.dumps(path) for path in named)}]")
    hint = f"if you know what it is for and trust it, write:\n{written}"
    return CacheError("unsafe", f"{where} runs code, or reaches out, as it is opened: {_words(said)}", hint=hint)


def _findings(repo: LockedRepo, file: RepoFile, tools: Tools) -> tuple[str, ...]:
    return tools.scanner.look(tools.cache.content(repo, file), file.path)


def _is_swept_in(entry: Entry, file: RepoFile) -> bool:
    """Whether only a glob has brought it."""
    if entry.include is None:
        return False
    return file.path not in entry.include and any(_GLOB & set(pattern) for pattern in entry.include)


def _words(said: Sequence[str]) -> str:
    more = f" and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
    return ", ".join(said[:_SHOWN]) + more
