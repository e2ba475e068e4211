"""What has been settled into ``prewarm.lock``, where there is one to write. Changes with when a lock may change."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from prewarm.cache.place import write_text
from prewarm.flow.application import Applied
from prewarm.flow.outcome import Warmed
from prewarm.lock import file as locks
from prewarm.operations.project import Project, merged
from prewarm.records.events import Notice, Observer
from prewarm.records.lock import Lock


def keep_lock(
    project: Project, warmed: Collection[Warmed], observe: Observer, applied: Collection[Applied] = ()
) -> None:
    """Write what has been settled anew into the lock."""
    settled = {one.report.entry: one.locked for one in warmed if one.locked is not None}
    ran = {one.report.application: one.locked for one in applied if one.locked is not None}
    if settled or ran or project.lock.strangers:
        write_lock(project, merged(project.manifest, project.lock, settled, ran), observe)


def write_lock(project: Project, lock: Lock, observe: Observer) -> bool:
    """Write the lock where it has changed; gives whether it says ``lock`` now, and tells why it does not."""
    path = project.lock_path
    if path is None:
        return False
    text = locks.dump(lock)
    try:
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return True
        if project.is_locked and _without_absent(lock) == _without_absent(project.lock):
            # Only what the repositories do not have is known better.
            return True
        if project.is_locked:
            said = (
                "would change, as its entries open more files than it names, and --locked keeps it: run prewarm without"
            )
            observe(Notice(text=f"{path.name} {said}"))
            return False
        write_text(path, text)
    except OSError as error:
        observe(Notice(text=f"{path.name} cannot be written ({error.strerror}): this run goes on without it"))
        return False
    return True


def _without_absent(lock: Lock) -> str:
    entries = tuple(
        replace(locked, repos=tuple(replace(repo, absent=()) for repo in locked.repos)) for locked in lock.entries
    )
    return locks.dump(Lock(entries=entries, applications=lock.applications))
