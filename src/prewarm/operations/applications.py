"""The applications of a manifest: run after the entries, and looked at. Changes with when they are run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from prewarm.flow.account import Options, Tools
from prewarm.flow.application import Applied, apply, state, unapplied
from prewarm.flow.outcome import Warmed
from prewarm.hub import configuration, tokens
from prewarm.lock import file as locks
from prewarm.operations.project import Project
from prewarm.records.entry import Application
from prewarm.records.lock import LockedApplication, LockedEntry
from prewarm.records.report import ApplicationReport
from prewarm.records.run import RememberedRun


def run_after(
    project: Project, warmed: Collection[Warmed], tools: Tools, environ: Mapping[str, str], options: Options
) -> list[Applied]:
    """Run each of them, once every required entry is ready."""
    if not project.applications:
        return []
    if options.dry_run or options.proof == "files":
        why = "not run: nothing is loaded" if options.proof == "files" else "not run"
        return [
            Applied(report=unapplied(one, "cached", why, ready=options.proof == "files"), locked=None)
            for one in project.applications
        ]
    ready = {one.report.entry for one in warmed if one.report.ready}
    lost = [entry.id for entry in project.entries if entry.required and entry not in ready]
    if lost:
        why = f"not run: {', '.join(lost[:3])} {'is' if len(lost) == 1 else 'are'} not ready"
        return [Applied(report=unapplied(one, "missing", why), locked=None) for one in project.applications]
    from prewarm.operations.launcher import CommandLauncher

    launcher = CommandLauncher(
        environ=environ, token=tokens.known_token(), cache=configuration.cache_root(), stop=tools.stop
    )
    settled = {one.report.entry: one.locked for one in warmed if one.locked is not None}
    lock = locks.with_entries(project.lock, settled)

    def one(application: Application) -> Applied:
        locked = locks.find_application(lock, application)
        return apply(application, locked, lock.entries, tools, launcher, options)

    return [tools.stages.begin(partial(one, application)) for application in project.applications]


def states(
    project: Project,
    missing: Callable[[LockedEntry], tuple[object, ...]],
    recall: Callable[[LockedApplication, Sequence[LockedEntry]], RememberedRun],
    *,
    starts: bool,
) -> list[ApplicationReport]:
    """What is known of them from the disk alone; ``starts``: whether something is about to be started."""
    if project.settings.proof == "files":
        return [unapplied(one, "cached", "not run: nothing is loaded", ready=True) for one in project.applications]
    return [
        state(one, locks.find_application(project.lock, one), project.lock.entries, missing, recall, starts=starts)
        for one in project.applications
    ]
