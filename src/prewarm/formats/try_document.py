"""What came of samples as JSON, schema 1. Keys may be added; none changes its meaning within a schema."""

from __future__ import annotations

import math
from typing import Any

from prewarm.formats.document import error_of
from prewarm.records.sample import Answer, Outcome, Tried, TryReport
from prewarm.records.text import json_document

SCHEMA = 1


def render(report: TryReport) -> str:
    """The document's text."""
    return json_document(as_table(report))


def as_table(report: TryReport) -> dict[str, Any]:
    """The document."""
    outcomes = report.outcomes
    return {
        "schema": SCHEMA,
        "command": "try",
        "ok": report.ok,
        "manifest": str(report.manifest),
        "cases": str(report.cases) if report.cases is not None else None,
        "elapsed_s": round(report.elapsed_s, 3),
        "totals": {name: sum(one.verdict == name for one in outcomes) for name in ("passed", "failed", "new")},
        "pass_rates": {
            task: {"passed": passed, "total": total} for task, (passed, total) in sorted(report.pass_rates.items())
        },
        "changed": [
            {
                "entry": one.entry,
                "name": one.name,
                "before": dict(zip(("commit", "verdict", "answer"), one.before, strict=True)),
                "after": dict(zip(("commit", "verdict", "answer"), one.after, strict=True)),
            }
            for one in report.changed
        ],
        "entries": [_entry(one) for one in report.entries],
    }


def _entry(one: Tried) -> dict[str, Any]:
    return {
        "id": one.id,
        "commit": one.commit,
        "required": one.required,
        "ok": one.ok,
        "dtype": one.dtype,
        "load_s": round(one.load_s, 3) if one.load_s is not None else None,
        "peak_rss_bytes": one.peak_rss_bytes,
        "recorded": one.recorded,
        "samples": [_outcome(outcome) for outcome in one.outcomes],
        "error": error_of(one.failure) if one.failure is not None else None,
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.sample.name,
        "asked": outcome.sample.asked,
        "verdict": outcome.verdict,
        "reasons": list(outcome.reasons),
        "nearest": list(outcome.nearest) if outcome.nearest is not None else None,
        "answer": answer_table(outcome.answer) if outcome.answer is not None else None,
    }


def answer_table(answer: Answer) -> dict[str, Any]:
    """An answer; a number that is none becomes null, which JSON has."""
    return {
        "kind": answer.kind,
        "task": answer.task,
        "texts": list(answer.texts),
        "confidence": [_finite(value) for value in answer.confidence],
        "labels": [[label, _finite(score)] for label, score in answer.labels],
        "vector": [_finite(value) for value in answer.vector],
        "tokens": answer.tokens,
        "sampled": answer.is_sampled,
        "elapsed_s": round(answer.elapsed_s, 4),
        "notes": list(answer.notes),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
