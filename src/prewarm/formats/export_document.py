"""What came of an export as JSON, schema 1. Keys may be added; none changes its meaning within a schema."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from prewarm.formats.document import error_of
from prewarm.records.export import Artifact, ExportReport
from prewarm.records.text import json_document

SCHEMA = 1


def render(report: ExportReport) -> str:
    """The document's text."""
    told = {
        "schema": SCHEMA,
        "command": "export",
        "ok": report.ok,
        "manifest": str(report.manifest),
        "elapsed_s": round(report.elapsed_s, 3),
        "artifacts": [_artifact(one) for one in report.artifacts],
    }
    return json_document(told)


def _artifact(one: Artifact) -> dict[str, Any]:
    return {
        "id": one.id,
        "folder": str(one.folder),
        "required": one.required,
        "status": one.status,
        "task": one.task,
        "opset": one.opset,
        "bytes": one.bytes,
        "elapsed_s": round(one.elapsed_s, 3),
        "agreement": asdict(one.agreement) if one.agreement is not None else None,
        "reasons": list(one.reasons),
        "notes": list(one.notes),
        "error": error_of(one.failure) if one.failure is not None else None,
    }
