"""Asks entries at the commit that is locked, and at the one that would be. Changes with how the two are compared.

The new commit is fetched into a snapshot of its own: it is the entry's revision here, so that no ref is moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from prewarm.flow.account import Options
from prewarm.flow.warm import warm as warm_entries
from prewarm.lock.changes import Change
from prewarm.operations.asking import Desk, versions_now
from prewarm.operations.keeping import keep_tried, keeping, noting
from prewarm.operations.project import Project
from prewarm.operations.tools import tools
from prewarm.operations.trying import as_recorded, recorded_path, try_entry
from prewarm.records.entry import Entry
from prewarm.records.events import Notice, Observer
from prewarm.records.lock import Lock, LockedEntry
from prewarm.records.sample import AnswerChange, Outcome, Recorded, Tried, UpgradeTried
from prewarm.samples import load as load_recorded
from prewarm.samples.judge import Setting, unlike
from prewarm.worker.temporary import OwnFolder


def try_upgrades(
    project: Project, changes: Sequence[Change], observe: Observer, environ: Mapping[str, str]
) -> tuple[UpgradeTried, ...]:
    """Ask every entry that has samples and moves to another commit, there and where it is.

    Args:
        project: what is locked.
        changes: what would become of it.
        observe: is told of the progress.
        environ: the process's environment.

    Raises:
        LockError: what was recorded cannot be read.
        Interrupted: the user said stop.
    """
    moving = [
        (_pinned(change.before), _pinned(change.after))
        for change in changes
        if change.before is not None
        and change.after is not None
        and change.entry.samples
        and change.before.commit != change.after.commit
    ]
    if not moving:
        return ()
    recorded = load_recorded(recorded_path(project))
    both = [one for pair in moving for one in pair]
    own = replace(project, entries=tuple(one.entry for one in both), lock=Lock(entries=tuple(both)), applications=())
    with (
        keeping(project, observe) as keep,
        tools(own, noting(observe, keep), environ) as using,
        OwnFolder() as folder,
    ):
        desk = Desk(project=own, using=using, folder=folder)
        warmed = warm_entries([after.entry for _, after in moving], own.lock, using, Options(proof="load"))
        # What the new commit turned out to need is known now.
        settled = [one.locked for one in warmed if one.locked is not None]
        desk = replace(desk, project=replace(own, lock=Lock(entries=(*settled, *(before for before, _ in moving)))))
        found = []
        for (before, after), one in zip(moving, warmed, strict=True):
            observe(
                Notice(text=f"{after.entry.label}: asking its samples at {before.commit[:7]} and {after.commit[:7]}")
            )
            if not one.report.ready:
                lost = UpgradeTried(
                    id=after.entry.label, before=before.commit, after=after.commit, failure=one.report.failure
                )
                found.append(lost)
                continue
            compared, tried = _compared(before.entry, after.entry, (before.commit, after.commit), desk, recorded)
            keep_tried(tried, keep)
            found.append(compared)
        return tuple(found)


def _compared(
    old: Entry, new: Entry, commits: tuple[str, str], desk: Desk, recorded: Sequence[Recorded]
) -> tuple[UpgradeTried, Tried]:
    before, _ = try_entry(old, old.samples, desk, recorded)
    after, _ = try_entry(new, new.samples, desk, recorded)
    found = UpgradeTried(id=new.label, before=commits[0], after=commits[1], failure=after.failure)
    if after.failure is not None:
        return found, after
    setting = Setting(dtype=after.dtype, versions=versions_now())
    was = {one.sample.name: one for one in before.outcomes}
    samples = []
    for one in after.outcomes:
        earlier = was.get(one.sample.name) or Outcome(sample=one.sample, verdict="new", reasons=_why(before))
        samples.append(AnswerChange(before=earlier, after=one, differences=_differences(earlier, one, before, setting)))
    return replace(found, samples=tuple(samples)), after


def _differences(before: Outcome, after: Outcome, tried: Tried, setting: Setting) -> tuple[str, ...]:
    if before.answer is None or after.answer is None:
        return () if before.answer is after.answer else after.reasons or before.reasons
    known = as_recorded(tried, before.sample.name, before.answer, setting)
    return tuple(unlike(after.answer, known, setting))


def _why(tried: Tried) -> tuple[str, ...]:
    return (tried.failure.message,) if tried.failure is not None else ()


def _pinned(locked: LockedEntry) -> LockedEntry:
    """The same files, for an entry whose revision is the commit: no ref says what that means."""
    repos = tuple(
        replace(repo, repo=replace(repo.repo, revision=repo.commit)) if repo.repo == locked.entry.repo else repo
        for repo in locked.repos
    )
    return replace(locked, entry=replace(locked.entry, revision=locked.commit), repos=repos)
