"""What is ready, from the disk alone. Changes with what a check looks at.

Imports little, since it is what runs before everything else.
"""

from __future__ import annotations

import time
from pathlib import Path

from prewarm.cache import modules, scan
from prewarm.flow.check import Sight
from prewarm.flow.check import check as check_entries
from prewarm.flow.ready import has_to_be_tried
from prewarm.hub import configuration
from prewarm.operations.bug_log import unforeseen
from prewarm.operations.machine import memory, report
from prewarm.operations.project import Project
from prewarm.records.entry import Entry
from prewarm.records.libraries import moved
from prewarm.records.lock import LockedEntry
from prewarm.records.report import ApplicationReport, Report, WrappedReport


def check(project: Project, command: str = "check") -> Report:
    """The state of the project's entries."""
    began = time.monotonic()
    root = configuration.cache_root()
    sight = Sight(
        missing=lambda locked: scan.missing(root, locked),
        moved=lambda locked: scan.moved(root, locked),
        recall=lambda entry: _recall(entry, root),
        elsewhere=lambda locked: tuple(filter(None, [moved(locked.entry.foreign_class, project.environ, str(root))])),
        altered=lambda locked: tuple(
            f"transformers' copy of the code of {repo.repo.repo_id} is not what is locked"
            for repo in locked.repos
            if locked.entry.trust_remote_code and modules.altered(configuration.modules_root(), repo)
        ),
        unforeseen=unforeseen,
    )
    remembered = memory(root, project.environ)
    reports = check_entries(project.entries, project.lock, sight, remembered, project.settings.proof)
    applications: list[ApplicationReport] = []
    if project.applications:
        from prewarm.operations.applications import states

        applications = states(project, sight.missing, remembered.recall_run, starts=command in ("run", "ensure"))
    wrapped: list[WrappedReport] = []
    if project.wrapped:
        from prewarm.operations.wrapped import states as wrapped_states

        wrapped = wrapped_states(project)
    elapsed_s = time.monotonic() - began
    return report(project, command, reports, applications=applications, wrapped=wrapped, elapsed_s=elapsed_s)


def nothing_to_do(project: Project, command: str, *, retries: bool) -> Report | None:
    """The report of a run that would do nothing; None where there is something to do.

    Args:
        project: the entries.
        command: that asks.
        retries: whether entries are tried once more that failed before and are not required.
    """
    # Without a lock the Hub has to say what a revision means now.
    if not project.has_whole_lock:
        return None
    found = check(project, command)
    if any(not one.ready if retries else has_to_be_tried(one) for one in found.all):
        return None
    return found


def _recall(entry: Entry, root: Path) -> LockedEntry | None:
    from prewarm.cache.disk import DiskCache
    from prewarm.flow.resolve import from_cache

    recalled = from_cache(entry, DiskCache(root))
    return recalled.locked if recalled is not None else None
