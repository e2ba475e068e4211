"""What is ready, from the disk alone. Changes with what can be told without a network and without loading anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prewarm.flow.ready import is_ready, mode_of, status_of
from prewarm.lock import file as locks
from prewarm.records.entry import Entry, ProofMode
from prewarm.records.errors import EntryError
from prewarm.records.listing import RepoFile
from prewarm.records.lock import Lock, LockedEntry, LockedRepo
from prewarm.records.plan import Plan
from prewarm.records.report import EntryReport

if TYPE_CHECKING:
    from prewarm.flow.ports import Memory

_STAYS = ("load-error", "needs-remote-code", "unsafe", "timeout", "corrupt")
"""Failures that go on to hold when every file is there."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """How the cache is looked at."""

    missing: Callable[[LockedEntry], tuple[tuple[LockedRepo, RepoFile], ...]]
    """The files that an application would not find."""
    moved: Callable[[LockedEntry], tuple[LockedRepo, ...]]
    """The repositories whose revision names another commit in the cache, or none."""
    recall: Callable[[Entry], LockedEntry | None]
    """An entry that is not locked, as the cache itself has it; None where it does not have all of it."""
    elsewhere: Callable[[LockedEntry], tuple[str, ...]]
    """What makes the application look elsewhere, a sentence each."""
    altered: Callable[[LockedEntry], tuple[str, ...]]
    """What would run in the place of the code that is locked, a sentence each."""
    unforeseen: Callable[[Exception], EntryError]
    """Writes the trace of what nobody foresaw, and gives what to say of it."""


def check(
    entries: Sequence[Entry], lock: Lock, sight: Sight, memory: Memory, setting: ProofMode
) -> tuple[EntryReport, ...]:
    """The state of every entry; ``setting`` is how far those are proven that do not say so themselves."""

    def one(entry: Entry) -> EntryReport:
        try:
            return _check(entry, locks.find(lock, entry), sight, memory, setting)
        except Exception as error:  # noqa: BLE001 (one entry's trouble is its own)
            failure = (error if isinstance(error, EntryError) else sight.unforeseen(error)).as_failure()
            return EntryReport(entry=entry, status="failed", ready=False, failure=failure)

    return tuple(map(one, entries))


def _check(entry: Entry, locked: LockedEntry | None, sight: Sight, memory: Memory, setting: ProofMode) -> EntryReport:
    notes = [] if locked else ["not locked"]
    found = locked or sight.recall(entry)
    failure = memory.failure(entry, found)
    if found is None:
        status = status_of(None, False, None, has_failed=failure is not None)
        return EntryReport(
            entry=entry, status=status, ready=is_ready(entry, status, setting), failure=failure, notes=tuple(notes)
        )
    plan = Plan(locked=found, missing=sight.missing(found))
    moved = sight.moved(found)
    remembered = memory.recall(found)
    is_complete = not plan.missing and not moved
    if is_complete and failure is not None and failure.kind not in _STAYS:
        failure = None
    if not plan.missing:
        notes += [
            f"{repo.repo.revision} of {repo.repo.repo_id} is not at {repo.commit[:7]} in the cache" for repo in moved
        ]
    proof = remembered.proof if is_complete and mode_of(entry, setting) == "load" else None
    if is_complete and failure is None and proof is None and mode_of(entry, setting) == "load":
        notes += remembered.changed or ["not proven yet"]
    status = status_of(plan, False, proof, has_failed=failure is not None)
    if moved and status == "cached":
        status = "partial"
    altered = sight.altered(found)
    notes += [*altered, *sight.elsewhere(found)]
    return EntryReport(
        entry=entry,
        commit=found.commit,
        status=status,
        files=len(found.files),
        bytes=sum(file.size for _, file in found.files),
        missing=tuple(file.path for _, file in plan.missing),
        missing_bytes=plan.missing_bytes,
        ready=is_ready(entry, status, setting) and not altered,
        proof=proof,
        failure=failure,
        notes=tuple(notes),
    )
