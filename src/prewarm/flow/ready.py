"""What state an entry is in, and whether it is ready. Decided here and nowhere else."""

from __future__ import annotations

from prewarm.records.entry import Entry, ProofMode
from prewarm.records.plan import Plan
from prewarm.records.proof import Proof
from prewarm.records.report import EntryReport, Status


def mode_of(entry: Entry, setting: ProofMode) -> ProofMode:
    """How far the entry is proven: its own word over the setting; files only where nothing is loaded."""
    if not entry.loads_model and not entry.loads_processor:
        return "files"
    return entry.proof or setting


def status_of(plan: Plan | None, is_fetched: bool, proof: Proof | None, *, has_failed: bool) -> Status:
    """The entry's status from how far it came."""
    if has_failed:
        return "failed"
    if proof is not None:
        return "proven"
    if plan is not None and (is_fetched or not plan.missing):
        return "cached"
    return "partial" if plan is not None and len(plan.missing) < len(plan.locked.files) else "missing"


def is_ready(entry: Entry, status: Status, setting: ProofMode) -> bool:
    """Whether the application can start with the entry as it is."""
    return status == "proven" or (status == "cached" and mode_of(entry, setting) == "files")


def has_to_be_tried(report: EntryReport) -> bool:
    """Whether the start of an application waits for the entry: not for what failed before, and is not required."""
    return not report.ready and (report.entry.required or report.failure is None)
