"""What came of a load test as JSON, schema 1, and as CSV. Keys may be added; none changes its meaning."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import Any

from prewarm.records.load import LoadReport, StepResult
from prewarm.records.text import json_document

SCHEMA = 1
_COLUMNS = (
    "kind", "value", "duration_s", "sent", "answered", "failed", "rate", "mean_s", "p50_s", "p90_s", "p95_s", "p99_s",
    "max_s", "lag_p99_s", "void", "cpu_cores", "rss_bytes", "gpu_share", "gpu_bytes", "failures",
)  # fmt: skip


def render(report: LoadReport) -> str:
    """The document's text."""
    return json_document(as_table(report))


def as_table(report: LoadReport) -> dict[str, Any]:
    """The document."""
    return {
        "schema": SCHEMA,
        "command": "load",
        "ok": report.ok,
        "target": report.target,
        "commit": report.commit,
        "served_by": report.served_by,
        "threads": report.threads,
        "payload": report.payload,
        "machine": report.machine,
        "versions": dict(report.versions),
        "slo": [bound.said for bound in report.bounds],
        "best": asdict(report.best.step) if report.best is not None else None,
        "capacity": round(report.capacity, 3),
        "knee": asdict(report.knee.step) if report.knee is not None else None,
        "generator_limit": round(report.generator_limit, 1),
        "warm_up_s": round(report.warm_up_s, 4),
        "ended": report.ended or None,
        "elapsed_s": round(report.elapsed_s, 3),
        "steps": [step_table(one) for one in report.steps],
    }


def step_table(one: StepResult) -> dict[str, Any]:
    """One step."""
    latency = {f"{name}_s": round(value, 6) for name, value in asdict(one.latency).items()} if one.latency else None
    return {
        "kind": one.step.kind,
        "value": one.step.value,
        "duration_s": one.duration_s,
        "sent": one.sent,
        "answered": one.answered,
        "failures": dict(one.failures),
        "errors": round(one.errors, 6),
        "rate": round(one.rate, 3),
        "latency": latency,
        "lag_p99_s": round(one.lag_p99_s, 6),
        "void": one.is_void,
        "usage": asdict(one.usage) if one.usage is not None else None,
    }


def as_csv(report: LoadReport) -> str:
    """A line a step."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for one in report.steps:
        table = step_table(one)
        table |= {**(table["latency"] or {}), **(table["usage"] or {})}
        table["failed"] = one.sent - one.answered
        table["failures"] = "; ".join(f"{count} x {reason}" for reason, count in one.failures.items())
        writer.writerow([table.get(name, "") if table.get(name) is not None else "" for name in _COLUMNS])
    return target.getvalue()
