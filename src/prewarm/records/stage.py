"""Where an entry stands in its life, for those who onboard models: from its status, failure and last audit."""

from __future__ import annotations

from typing import Literal

from prewarm.records.failure import ErrorKind
from prewarm.records.report import EntryReport

Stage = Literal["created", "fetched", "verified", "verify-failed", "vulnerable", "to-be-retried"]
_PASSING: tuple[ErrorKind, ...] = ("rate-limited", "unreachable", "timeout", "no-space")
"""What ends by itself, or with room that is made."""


def stage_of(report: EntryReport) -> Stage:
    """The stage; the table in docs/how-it-works.md says the same in words."""
    if report.failure is not None:
        return "to-be-retried" if report.failure.kind in _PASSING else "verify-failed"
    if report.status in ("missing", "partial"):
        return "created"
    if report.vulnerable:
        return "vulnerable"
    return "verified" if report.ready else "fetched"


def retry_in_s(report: EntryReport) -> float | None:
    """Seconds until it is worth another try; None where nothing passes by itself."""
    if report.failure is None or stage_of(report) != "to-be-retried":
        return None
    return report.failure.retry_in_s
