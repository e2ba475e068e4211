"""A report as JSON, schema 1. Keys may be added; none changes its meaning within a schema."""

from __future__ import annotations

from typing import Any

from prewarm.records.failure import Failure
from prewarm.records.proof import Proof
from prewarm.records.report import ApplicationReport, EntryReport, Report, WrappedReport
from prewarm.records.stage import retry_in_s, stage_of
from prewarm.records.text import json_document

SCHEMA = 1


def render(report: Report) -> str:
    """The document's text."""
    return json_document(as_table(report))


def as_table(report: Report) -> dict[str, Any]:
    """The document."""
    entries = report.entries
    return {
        "schema": SCHEMA,
        "command": report.command,
        "ok": report.ok,
        "dry_run": report.dry_run,
        "manifest": str(report.manifest),
        "lock": str(report.lock) if report.lock else None,
        "endpoint": report.endpoint,
        "cache": str(report.cache),
        "versions": dict(report.versions),
        "totals": {
            "entries": len(entries),
            "ready": sum(entry.ready for entry in entries),
            "files": sum(entry.files for entry in entries),
            "bytes": sum(entry.bytes for entry in entries),
            "missing_files": sum(len(entry.missing) for entry in entries),
            "missing_bytes": sum(entry.missing_bytes for entry in entries),
            "downloaded_bytes": report.fetched.bytes,
            "requests": report.fetched.requests,
            "waited_s": round(report.fetched.waited_s, 3),
            "elapsed_s": round(report.elapsed_s, 3),
        },
        "entries": [_entry(entry) for entry in entries],
        "applications": [_application(one) for one in report.applications],
        "wrapped": [_wrapped(one) for one in report.wrapped],
    }


def _entry(report: EntryReport) -> dict[str, Any]:
    entry = report.entry
    return {
        "id": entry.id,
        "name": entry.name,
        "repo_type": entry.repo_type,
        "revision": entry.revision,
        "commit": report.commit,
        "required": entry.required,
        "status": report.status,
        "ready": report.ready,
        "stage": stage_of(report),
        "retry_in_s": retry_in_s(report),
        "vulnerable": list(report.vulnerable),
        "files": report.files,
        "bytes": report.bytes,
        "missing_files": len(report.missing),
        "missing": list(report.missing),
        "missing_bytes": report.missing_bytes,
        "downloaded_bytes": report.fetched.bytes,
        "requests": report.fetched.requests,
        "waited_s": round(report.fetched.waited_s, 3),
        "elapsed_s": round(report.elapsed_s, 3),
        "proof": _proof(report.proof) if report.proof else None,
        "notes": list(report.notes),
        "error": error_of(report.failure) if report.failure else None,
    }


def _application(report: ApplicationReport) -> dict[str, Any]:
    ran = report.ran
    return {
        "name": report.application.name,
        "command": list(report.application.command),
        "required": report.entry.required,
        "status": report.status,
        "ready": report.ready,
        "exit_code": ran.exit_code if ran else None,
        "last_words": ran.last_words if ran else "",
        "repositories": list(report.repos),
        "files": report.files,
        "bytes": report.bytes,
        "downloaded_bytes": report.fetched.bytes,
        "requests": report.fetched.requests,
        "waited_s": round(report.fetched.waited_s, 3),
        "elapsed_s": round(report.elapsed_s, 3),
        "notes": list(report.notes),
        "error": error_of(report.failure) if report.failure else None,
    }


def _wrapped(report: WrappedReport) -> dict[str, Any]:
    return {
        "name": report.wrapped.name,
        "path": str(report.wrapped.path),
        "required": report.entry.required,
        "status": report.status,
        "ready": report.ready,
        "class": report.loaded or None,
        "answer": dict(report.answer) if report.answer is not None else None,
        "files": report.files,
        "bytes": report.bytes,
        "elapsed_s": round(report.elapsed_s, 3),
        "notes": list(report.notes),
        "error": error_of(report.failure) if report.failure else None,
    }


def _proof(proof: Proof) -> dict[str, Any]:
    return {
        "model": proof.model,
        "processor": proof.processor,
        "dtype": proof.dtype,
        "parameters": proof.parameters,
        "load_s": round(proof.load_s, 3),
        "peak_rss_bytes": proof.peak_rss_bytes,
        "network_attempts": proof.network_attempts,
        "missing_keys": list(proof.missing_keys),
        "unexpected_keys": list(proof.unexpected_keys),
        "mismatched_keys": list(proof.mismatched_keys),
        "confinement": {"by": list(held.by), "lacks": list(held.lacks)} if (held := proof.confinement) else None,
    }


def error_of(failure: Failure) -> dict[str, Any]:
    """A failure, as every document has it."""
    return {"kind": failure.kind, "message": failure.message, "hint": failure.hint}
