"""A whole entry's files, shown where applications look for them. Changes with what has to be in order before that."""

from __future__ import annotations

from prewarm.flow.account import Tools
from prewarm.flow.trust import refuse_changed_code
from prewarm.records.lock import LockedEntry


def show(locked: LockedEntry, tools: Tools) -> tuple[str, ...]:
    """Let applications find the files of an entry that is whole; gives what they should know of it, a sentence each.

    Raises:
        CacheError: the cache cannot be written, or code is not what was locked.
    """
    refuse_changed_code(locked, tools.cache)
    moved: list[str] = []
    for repo in locked.repos:
        # The revision is pointed last: before, an application that asks for it would find half of the files.
        tools.cache.link(repo)
        moved += tools.cache.forget_copies(repo)
        if before := tools.cache.point(repo):
            name = f"{repo.repo.revision} of {repo.repo.repo_id}"
            moved.append(f"{name} was {before[:7]}, and is {repo.commit[:7]} now")
    return tuple(moved)
