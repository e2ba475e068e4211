"""Makes entries ready, with the real Hub, cache and worker. Changes with what comes before and after the flow."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from prewarm.cache.disk import DiskCache
from prewarm.cache.integrity import is_right
from prewarm.flow.account import Options
from prewarm.flow.application import Applied
from prewarm.flow.outcome import Warmed
from prewarm.flow.verify import verify
from prewarm.flow.warm import warm as warm_entries
from prewarm.hub import configuration
from prewarm.lock import file as locks
from prewarm.operations.applications import run_after
from prewarm.operations.keeping import keeping, noting
from prewarm.operations.lock_file import keep_lock
from prewarm.operations.machine import memory, report
from prewarm.operations.project import Project
from prewarm.operations.tools import ORDINARY, Work, tools
from prewarm.records.entry import Entry
from prewarm.records.events import Observer
from prewarm.records.plan import Fetched
from prewarm.records.report import Report, WrappedReport


def warm(
    project: Project, observe: Observer, environ: Mapping[str, str], work: Work = ORDINARY, *, command: str = "warm"
) -> Report:
    """Warm the project's entries, and keep the lock.

    Raises:
        Interrupted: the user said stop.
    """
    began = time.monotonic()
    if not work.dry_run:
        _take_away_damaged(project, observe)
    done = warm_some(project, project.entries, observe, environ, work)
    warmed, applied = done.warmed, done.applied
    if not work.dry_run:
        keep_lock(project, warmed, observe, applied)
    reports = [*(one.report for one in warmed), *(one.report for one in applied)]
    spent = sum((one.fetched for one in reports), Fetched())
    return report(
        project,
        command,
        [one.report for one in warmed],
        applications=[one.report for one in applied],
        wrapped=done.wrapped,
        fetched=replace(spent, waited_s=done.waited_s),
        elapsed_s=time.monotonic() - began,
        dry_run=work.dry_run,
    )


@dataclass(frozen=True, kw_only=True)
class Done:
    """What became of a project."""

    warmed: list[Warmed]
    applied: list[Applied]
    wrapped: list[WrappedReport]
    waited_s: float
    """For rate limits."""


def warm_some(
    project: Project, entries: Sequence[Entry], observe: Observer, environ: Mapping[str, str], work: Work
) -> Done:
    """Warm some entries, and run the applications and the wrapped models."""
    options = Options(proof=project.settings.proof, dry_run=work.dry_run, prove_again=work.prove_again)
    with keeping(project, observe) as keep, tools(project, noting(observe, keep), environ, work) as using:
        warmed = warm_entries(entries, project.lock, using, options)
        applied = run_after(project, warmed, using, environ, options)
        wrapped: list[WrappedReport] = []
        if project.wrapped:
            from prewarm.operations.wrapped import prove_all  # noqa: PLC0415 (rare)

            wrapped = prove_all(project, using, environ, options)
        return Done(warmed=warmed, applied=applied, wrapped=wrapped, waited_s=using.hub.waited_s)


def _take_away_damaged(project: Project, observe: Observer) -> None:
    # What a verify found is not forgotten because the sizes are right.
    root = configuration.cache_root()
    remembered = memory(root, project.environ)
    suspects = []
    for entry in project.entries:
        locked = locks.find(project.lock, entry)
        failure = remembered.failure(entry, locked)
        if locked is not None and failure is not None and failure.kind == "corrupt":
            suspects.append(locked)
    if suspects:
        disk = DiskCache(root)
        for verified in verify(suspects, disk, is_right, observe).values():
            disk.remove(verified.bad)
