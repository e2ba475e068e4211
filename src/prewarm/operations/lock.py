"""Resolves entries anew, and says what changes in the lock. Changes with what ``prewarm lock`` does."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from prewarm.flow.account import Account, Tools
from prewarm.flow.resolve import read_documents, resolve
from prewarm.lock import file as locks
from prewarm.lock.changes import Change, CodeChange, FileChange, code_change, file_changes, term_changes, with_terms
from prewarm.operations.lock_file import write_lock
from prewarm.operations.project import Project, merged
from prewarm.operations.tools import Work, tools
from prewarm.records.entry import Entry
from prewarm.records.events import EntryStarted, Observer
from prewarm.records.listing import RepoFile
from prewarm.records.lock import Lock, LockedEntry, LockedRepo


@dataclass(frozen=True, kw_only=True)
class NewLock:
    """The new lock, and what is different in it."""

    lock: Lock
    changes: tuple[Change, ...]
    """Of every entry of the manifest, then of what goes."""
    is_kept: bool = True
    """Whether the file says so now, where it was to be written."""

    @property
    def has_changed(self) -> bool:
        """Whether the lock is another one."""
        return any(change.is_one for change in self.changes)

    @property
    def has_failed(self) -> bool:
        """Whether a required entry could not be resolved."""
        return any(change.failure and change.entry.required for change in self.changes)


def out_of_date(project: Project) -> NewLock:
    """What the manifest alone says: entries that are not locked, and locked ones that it does not have."""
    changes = []
    for entry in project.entries:
        locked = locks.find(project.lock, entry)
        before = locked or _predecessor(project, entry)
        changes.append(Change(entry=entry, before=before, after=locked))
    return NewLock(lock=project.lock, changes=(*changes, *_going(project)))


def lock(
    project: Project, observe: Observer, environ: Mapping[str, str], *, upgrade: Collection[Entry], writes: bool
) -> NewLock:
    """Resolve what is not locked, and the entries of ``upgrade``, without downloading what the plan does not read.

    Args:
        project: the entries.
        observe: is told of the progress.
        environ: the process's environment.
        upgrade: entries that move to the newest commit.
        writes: whether the lock's file is written.

    Raises:
        Interrupted: the user said stop.
    """
    wanted = {entry for entry in project.entries if locks.find(project.lock, entry) is None}
    wanted |= _sharing(project.lock, upgrade)
    kept = Lock(entries=tuple(locked for locked in project.lock.entries if locked.entry not in wanted))
    with tools(project, observe, environ, Work(dry_run=True), kept=kept) as using:
        using.hub.expect(listings=len(wanted))

        def change(entry: Entry) -> Change:
            locked = locks.find(project.lock, entry)
            if entry not in wanted:
                return Change(entry=entry, before=locked, after=locked)
            return _resolve(entry, locked or _predecessor(project, entry), is_locked=locked is not None, using=using)

        changes = using.stages.run([using.stages.plan(change, entry) for entry in project.entries], using.end)
    settled = {change.entry: change.after for change in changes if change.after is not None}
    found = merged(project.manifest, project.lock, settled)
    is_kept = write_lock(project, found, observe) if writes else True
    return NewLock(lock=found, changes=(*changes, *_going(project)), is_kept=is_kept)


def write(project: Project, found: NewLock, observe: Observer) -> NewLock:
    """Write a lock that was made without that."""
    return replace(found, is_kept=write_lock(project, found.lock, observe))


def _sharing(lock: Lock, upgrade: Collection[Entry]) -> set[Entry]:
    """``upgrade``, and the entries that need a repository of theirs at the same revision: it can have one commit."""
    found = set(upgrade)
    while True:
        repos = {repo.repo for locked in lock.entries if locked.entry in found for repo in locked.repos}
        more = {locked.entry for locked in lock.entries if any(repo.repo in repos for repo in locked.repos)} - found
        if not more:
            return found
        found |= more


def _resolve(entry: Entry, before: LockedEntry | None, *, is_locked: bool, using: Tools) -> Change:
    account = Account(entry, using)
    using.observe(EntryStarted(entry=entry))
    try:
        resolved = resolve(entry, using, account)
        using.memory.keep_listings(resolved.listings)
        after = resolved.locked
        if is_locked and before is not None and _commits(before) == _commits(after):
            # It may have files that a proof has found since.
            known = with_terms(before, after)
            return Change(entry=entry, before=before, after=known, terms=term_changes(before, known))
        files = file_changes(before, after)
        code = tuple(
            _diff(change, before, after, using, account) for change in files if change.is_code and before is not None
        )
    except Exception as error:  # noqa: BLE001 (told apart there)
        kept = before if is_locked else None
        return Change(entry=entry, before=kept, after=kept, failure=using.failure_of(error).as_failure())
    there = using.cache.scan(after)
    return Change(
        entry=entry,
        before=before,
        after=after,
        files=files,
        code=code,
        terms=term_changes(before, after),
        fetch_bytes=sum(file.size for repo, file in after.files if (repo.repo, file.path) not in there),
    )


def _diff(
    change: FileChange, before: LockedEntry | None, after: LockedEntry, using: Tools, account: Account
) -> CodeChange:
    contents: list[bytes | None] = []
    commits: list[str] = []
    for locked, file in ((before, change.before), (after, change.after)):
        repo = _repo_of(locked, change.repo_id)
        commits.append(repo.commit if repo else "")
        contents.append(_read(repo, file, using, account) if repo and file else None)
    return code_change(change, contents[0], contents[1], (commits[0], commits[1]))


def _read(repo: LockedRepo, file: RepoFile, using: Tools, account: Account) -> bytes:
    return read_documents([(repo, file)], using, account)[repo.repo, file.path]


def _repo_of(locked: LockedEntry | None, repo_id: str) -> LockedRepo | None:
    return next((repo for repo in locked.repos if repo.repo.repo_id == repo_id), None) if locked else None


def _commits(locked: LockedEntry) -> set[tuple[str, str]]:
    return {(repo.repo.repo_id, repo.commit) for repo in locked.repos}


def _predecessor(project: Project, entry: Entry) -> LockedEntry | None:
    """What was locked for the same repository and revision, before the entry was changed."""
    return next((locked for locked in project.lock.strangers if locked.entry.repo == entry.repo), None)


def _going(project: Project) -> tuple[Change, ...]:
    kept = {entry.repo for entry in project.manifest.entries}
    return tuple(
        Change(entry=locked.entry, before=locked) for locked in project.lock.strangers if locked.entry.repo not in kept
    )
