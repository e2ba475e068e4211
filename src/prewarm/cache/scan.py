"""Which files of an entry are there and shown, as fast as the disk tells. Changes with what "there" means.

Imports little: it is what ``prewarm check`` does for thousands of files.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from prewarm.cache import layout
from prewarm.records.listing import RepoFile
from prewarm.records.lock import LockedEntry, LockedRepo


def missing(root: Path, locked: LockedEntry) -> tuple[tuple[LockedRepo, RepoFile], ...]:
    """The files that an application would not find at the commit, or find with another size."""
    lost = []
    for repo in locked.repos:
        folder = layout.snapshot(root, repo.repo, repo.commit)
        for file in repo.files:
            try:
                # Through the link, so that a link into nowhere is not taken for a file.
                status = os.stat(f"{folder}/{file.path}")  # noqa: PTH116 (half the time)
                is_there = status.st_size == file.size and stat.S_ISREG(status.st_mode)
            except (OSError, ValueError):
                is_there = False
            if not is_there:
                lost.append((repo, file))
    return tuple(lost)


def moved(root: Path, locked: LockedEntry) -> tuple[LockedRepo, ...]:
    """The repositories whose revision does not name the locked commit in the cache."""
    return tuple(repo for repo in locked.repos if commit_of(root, repo) != repo.commit)


def commit_of(root: Path, repo: LockedRepo) -> str | None:
    """The commit that the revision names in the cache; None where it names none."""
    if repo.repo.revision == repo.commit:
        return repo.commit
    try:
        return layout.ref(root, repo.repo).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
