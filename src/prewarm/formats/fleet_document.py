"""What became of a fleet as JSON, schema 1. Keys may be added; none changes its meaning within a schema."""

from __future__ import annotations

from typing import Any

from prewarm.formats.document import error_of
from prewarm.records.fleet import FleetReport, NodeEntry, NodeReport
from prewarm.records.text import json_document

SCHEMA = 1


def render(report: FleetReport) -> str:
    """The document's text."""
    return json_document(as_table(report))


def as_table(report: FleetReport) -> dict[str, Any]:
    """The document."""
    spent = report.fetched
    return {
        "schema": SCHEMA,
        "command": "fleet",
        "ok": report.ok,
        "manifest": str(report.manifest),
        "lock": str(report.lock) if report.lock else None,
        "address": report.address,
        "ray": report.ray,
        "totals": {
            "nodes": len(report.nodes),
            "ready": sum(node.is_ready for node in report.nodes),
            "downloaded_bytes": spent.bytes,
            "requests": spent.requests,
            "waited_s": round(spent.waited_s, 3),
            "peer_bytes": report.peer_bytes,
            "elapsed_s": round(report.elapsed_s, 3),
        },
        "notes": list(report.notes),
        "nodes": [_node(node) for node in report.nodes],
    }


def _node(node: NodeReport) -> dict[str, Any]:
    about = node.about
    return {
        "id": node.id,
        "name": node.name,
        "labels": dict(node.labels),
        "ready": node.is_ready,
        "left": node.has_left,
        "prewarm": about.prewarm if about else None,
        "environment": dict(about.environment) if about else None,
        "cache": about.cache if about else None,
        "check": about.check if about else None,
        "proved": node.proved,
        "downloaded_bytes": node.fetched.bytes,
        "requests": node.fetched.requests,
        "waited_s": round(node.fetched.waited_s, 3),
        "peer_bytes": node.peer_bytes,
        "elapsed_s": round(node.elapsed_s, 3),
        "notes": list(about.notes) if about else [],
        "entries": [_entry(one) for one in node.entries],
        "error": error_of(node.failure) if node.failure else None,
    }


def _entry(one: NodeEntry) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.label if one.label != one.id else None,
        "revision": one.revision,
        "commit": one.commit,
        "required": one.required,
        "status": one.status,
        "ready": one.ready,
        "notes": list(one.notes),
        "error": error_of(one.failure) if one.failure else None,
    }
