"""How far an entry has come, and the report of it. Changes when a report says something else of an entry."""

from __future__ import annotations

from dataclasses import dataclass

from prewarm.flow.account import Account
from prewarm.flow.ready import is_ready, status_of
from prewarm.flow.resolve import Resolved
from prewarm.records.entry import Entry, ProofMode
from prewarm.records.errors import EntryError
from prewarm.records.lock import LockedEntry
from prewarm.records.plan import Plan
from prewarm.records.proof import Proof
from prewarm.records.report import EntryReport, Status


@dataclass(frozen=True, kw_only=True)
class Warmed:
    """What happened to an entry, and what the lock has to remember of it."""

    report: EntryReport
    locked: LockedEntry | None
    """None: nothing new."""


@dataclass(frozen=True, kw_only=True)
class Reached:
    """How far an entry has come."""

    resolved: Resolved | None = None
    plan: Plan | None = None
    is_fetched: bool = False
    proof: Proof | None = None
    notes: tuple[str, ...] = ()

    def warmed(self, entry: Entry, error: EntryError | None, *, setting: ProofMode, account: Account) -> Warmed:
        """The end of it.

        Args:
            entry: the entry.
            error: why it came no further; None: it came to its end.
            setting: how far entries are proven that do not say so themselves.
            account: what it cost.
        """
        locked = self.resolved.locked if self.resolved else None
        files = locked.files if locked else ()
        status = status_of(self.plan, self.is_fetched, self.proof, has_failed=error is not None)
        report = EntryReport(
            entry=entry,
            commit=locked.commit if locked else None,
            status=status,
            files=len(files),
            bytes=sum(file.size for _, file in files),
            missing=tuple(file.path for _, file in self.plan.missing) if self.plan else (),
            missing_bytes=self.plan.missing_bytes if self.plan else 0,
            fetched=account.total,
            elapsed_s=account.elapsed_s,
            ready=is_ready(entry, status, setting),
            proof=self.proof,
            failure=error.as_failure() if error else None,
            notes=self.notes + (self.proof.notes if self.proof else ()) + _of_a_dataset(entry, status),
        )
        is_settled = self.resolved is not None and self.resolved.is_settled
        return Warmed(report=report, locked=locked if is_settled else None)


def _of_a_dataset(entry: Entry, status: Status) -> tuple[str, ...]:
    if entry.repo_type != "dataset" or entry.loads_model or status != "cached":
        return ()
    reads = f'load_dataset(snapshot_download("{entry.id}", repo_type="dataset"))'
    return (f'offline it is read by {reads}, and not by load_dataset("{entry.id}")',)
