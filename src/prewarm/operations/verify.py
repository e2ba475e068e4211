"""Hashes what is there, repairs it where that is asked for, and proves again. Changes with these steps."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from prewarm.cache.disk import DiskCache
from prewarm.cache.integrity import is_right
from prewarm.flow.resolve import from_cache
from prewarm.flow.verify import Verified
from prewarm.flow.verify import verify as verify_files
from prewarm.hub import configuration
from prewarm.lock import file as locks
from prewarm.operations.lock_file import keep_lock
from prewarm.operations.machine import memory, report
from prewarm.operations.project import Project
from prewarm.operations.tools import Work
from prewarm.operations.warm import warm_some
from prewarm.records.entry import Entry
from prewarm.records.events import Observer
from prewarm.records.lock import LockedEntry
from prewarm.records.plan import Fetched
from prewarm.records.report import EntryReport, Report


def verify(project: Project, observe: Observer, environ: Mapping[str, str], *, repairs: bool) -> Report:
    """Hash every file of the project's entries, and load each of them again, offline.

    Args:
        project: the entries.
        observe: is told of the progress.
        environ: the process's environment.
        repairs: whether damaged and missing files are fetched again; else nobody is asked for anything.
    """
    began = time.monotonic()
    disk = DiskCache(configuration.cache_root())
    known = {entry: _locked(project, entry, disk) for entry in project.entries}
    there = [locked for locked in known.values() if locked is not None]
    wrong = verify_files(there, disk, is_right, observe)
    remembered = memory(disk.root, environ)
    for locked in there:
        if wrong[locked.entry].damaged:
            remembered.forget(locked)
    if repairs:
        for verified in wrong.values():
            disk.remove(verified.bad)
    sound = [
        entry
        for entry, locked in known.items()
        if locked is not None and not wrong[entry].unreadable and (repairs or not wrong[entry].bad)
    ]
    # Entries that the lock does not have are taken as the cache has them.
    held = replace(project, lock=replace(project.lock, entries=tuple(there)))
    work = Work(prove_again=True, asks_nobody=not repairs)
    done = warm_some(held, sound, observe, environ, work)
    warmed, applied = done.warmed, done.applied
    if repairs:
        keep_lock(project, warmed, observe, applied)
    reports = {one.report.entry: one.report for one in warmed}
    for entry, lost in known.items():
        if entry not in reports:
            reports[entry] = _unready(entry, lost, wrong.get(entry))
            if reports[entry].failure is not None:
                remembered.keep_failure(entry, lost, reports[entry].failure)
    return report(
        project,
        "verify",
        [reports[entry] for entry in project.entries],
        applications=[one.report for one in applied],
        wrapped=done.wrapped,
        fetched=replace(sum((one.fetched for one in reports.values()), Fetched()), waited_s=done.waited_s),
        elapsed_s=time.monotonic() - began,
    )


def _locked(project: Project, entry: Entry, disk: DiskCache) -> LockedEntry | None:
    locked = locks.find(project.lock, entry)
    if locked is None and (recalled := from_cache(entry, disk)) is not None:
        return recalled.locked
    return locked


def _unready(entry: Entry, locked: LockedEntry | None, verified: Verified | None) -> EntryReport:
    if locked is None or verified is None:
        return EntryReport(entry=entry, status="missing", ready=False, notes=("it is neither locked nor in the cache",))
    files = locked.files
    found = EntryReport(
        entry=entry,
        commit=locked.commit,
        status="missing",
        files=len(files),
        bytes=sum(file.size for _, file in files),
        missing=tuple(file.path for _, file in verified.bad),
        missing_bytes=sum(file.size for _, file in verified.bad),
        ready=False,
    )
    error = verified.error()
    if error is None or len(verified.missing) == len(files) > 0:
        return replace(found, notes=("nothing of it is in the cache",))
    return replace(found, status="failed", failure=error.as_failure())
