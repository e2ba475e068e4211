"""An audit as JSON, schema 1. Keys may be added; none changes its meaning within a schema."""

from __future__ import annotations

from typing import Any

from prewarm.records.audit import AuditedEntry, AuditReport, CodeFile, Finding
from prewarm.records.text import json_document

SCHEMA = 1


def render(report: AuditReport) -> str:
    """The document's text."""
    told = {
        "schema": SCHEMA,
        "command": "audit",
        "ok": report.ok,
        "manifest": str(report.manifest),
        "cache": str(report.cache),
        "versions": dict(report.versions),
        "elapsed_s": round(report.elapsed_s, 3),
        "entries": [_entry(one) for one in report.entries],
        "advisories": {
            "asked": report.asked or None,
            "packages": [
                {
                    "name": package.name,
                    "version": package.version,
                    "advisories": list(package.advisories),
                    "not_asked": package.not_asked or None,
                }
                for package in report.packages
            ],
        },
        "findings": [_finding(one) for one in report.findings],
    }
    return json_document(told)


def _entry(one: AuditedEntry) -> dict[str, Any]:
    return {
        "id": one.entry.id,
        "revision": one.entry.revision,
        "commit": one.commit,
        "licenses": {repo_id: license_ or None for repo_id, license_ in one.licenses.items()},
        "gated": list(one.gated),
        "weights": [{"format": kind.format, "files": kind.files, "bytes": kind.bytes} for kind in one.formats],
        "code": [_code(file) for file in one.code],
        "files_not_there": one.not_there,
        "variants_not_known": list(one.unlisted),
        "imports": list(one.packages),
        "not_installed": list(one.not_installed),
    }


def _code(file: CodeFile) -> dict[str, Any]:
    return {
        "path": file.path,
        "commit": file.commit,
        "sha256": file.sha256 or None,
        "runs": file.runs,
        "state": file.state,
        "imports": list(file.packages),
        "names": {rule: [{"name": name, "line": line} for name, line in found] for rule, found in file.names.items()},
        "unreadable": file.broken or None,
    }


def _finding(one: Finding) -> dict[str, Any]:
    accepted = one.ignored
    return {
        "rule": one.rule,
        "id": one.id,
        "aliases": list(one.aliases),
        "level": one.level,
        "counts": one.counts,
        "message": one.message,
        "hint": one.hint,
        "entries": list(one.entries),
        "path": one.path or None,
        "line": one.line,
        "package": one.package or None,
        "ignored": {"reason": accepted.reason, "until": accepted.until.isoformat() if accepted.until else None}
        if accepted
        else None,
    }
