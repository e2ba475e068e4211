"""Keeps what a run finds out, where the settings name a history. Changes with what of it is kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from prewarm.cache.installed import versions_of
from prewarm.operations.machine import machine, own_versions
from prewarm.operations.project import Project
from prewarm.records.audit import AuditReport
from prewarm.records.errors import HistoryError
from prewarm.records.events import EntryFinished, Event, Notice, Observer
from prewarm.records.export import Artifact
from prewarm.records.history import Row, RowKind
from prewarm.records.load import LoadReport
from prewarm.records.report import ApplicationReport, EntryReport, WrappedReport
from prewarm.records.sample import Tried

Keep = Callable[[RowKind, str, str | None, str, Mapping[str, Any]], None]
_LIBRARIES = ("torch", "transformers", "huggingface_hub", "tokenizers")
_ANSWER = 300


@dataclass(frozen=True, kw_only=True)
class CaseSet:
    """A stored set of cases."""

    name: str
    """From the manifest's folder."""
    min_pass: float
    """The least share of it that has to pass."""


@contextmanager
def keeping(project: Project, observe: Observer) -> Iterator[Keep]:
    """What keeps a row; where nothing is to be kept, it does nothing.

    Raises:
        HistoryError: there is a history, and it cannot be used.
    """
    path = history_path(project)
    if path is None:
        yield lambda *_: None
        return
    from prewarm.history import Store  # noqa: PLC0415 (where there is one)

    versions = {**own_versions(), **versions_of(_LIBRARIES)}
    with Store(path) as store:

        def keep(kind: RowKind, entry: str, commit: str | None, result: str, figures: Mapping[str, Any]) -> None:
            row = Row(
                at=now(), kind=kind, entry=entry, commit=commit or "", result=result, versions=versions,
                machine=machine(), figures=figures,
            )  # fmt: skip
            try:
                store.add(row)
            except HistoryError as error:
                # What was found out is not lost for that: it is told all the same, and the next does not wait as long.
                store.hurry()
                observe(Notice(text=f"{entry}: {error.message}, so that this {kind} is not in the history"))

        yield keep


def history_path(project: Project) -> Path | None:
    """Where the history is; None: none is kept."""
    said = project.settings.history
    return None if said is None else project.manifest.path.absolute().parent / Path(said).expanduser()


def now() -> str:
    """The time, in UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def noting(observe: Observer, keep: Keep) -> Observer:
    """``observe``, and a row for every entry as it ends: a run that is killed has kept those before."""

    def told(event: Event) -> None:
        if isinstance(event, EntryFinished):
            _keep_proof(event.report, keep)
        observe(event)

    return told


def _keep_proof(report: EntryReport, keep: Keep) -> None:
    proof, failure = report.proof, report.failure
    is_new = proof is not None and proof.confinement is not None
    if not is_new and failure is None and not isinstance(report, (ApplicationReport, WrappedReport)):
        # It was proven before, and nothing was found out.
        return
    figures: dict[str, Any] = {"files": report.files, "bytes": report.bytes, "elapsed_s": round(report.elapsed_s, 3)}
    if proof is not None:
        figures |= {
            "load_s": round(proof.load_s, 3),
            "peak_rss_bytes": proof.peak_rss_bytes,
            "model": proof.model,
            "dtype": proof.dtype,
            "parameters": proof.parameters,
        }
    if failure is not None:
        figures["error"] = failure.said
    keep("proof", report.entry.label, report.commit, report.status, figures)


def keep_tried(tried: Tried, keep: Keep, cases: CaseSet | None = None) -> None:
    """A row for the samples of an entry, or for what of a set of cases was for it."""
    samples = [
        {
            "name": one.sample.name,
            "verdict": one.verdict,
            "asked": one.sample.asked[:_ANSWER],
            "answer": one.answer.said[:_ANSWER] if one.answer is not None else "; ".join(one.reasons)[:_ANSWER],
            "score": _finite(one.answer.score) if one.answer is not None else None,
        }
        for one in tried.outcomes
    ]
    verdicts = [one.verdict for one in tried.outcomes]
    figures: dict[str, Any] = {word: verdicts.count(word) for word in ("passed", "failed", "new")}
    figures |= {"load_s": tried.load_s, "peak_rss_bytes": tried.peak_rss_bytes, "samples": samples}
    if tried.failure is not None:
        figures["error"] = tried.failure.said
    is_good = tried.ok if cases is None else tried.passes(cases.min_pass)
    if cases is not None:
        figures |= {"cases": cases.name, "min_pass": cases.min_pass}
    keep("try", tried.id, tried.commit, "passed" if is_good else "failed", figures)


def _finite(score: float | None) -> float | None:
    """As JSON can say it."""
    return score if score is not None and math.isfinite(score) else None


def keep_load(report: LoadReport, keep: Keep, figures: Mapping[str, Any]) -> None:
    """A row for a load test; ``figures`` is its document."""
    result = "held" if report.ok else "failed"
    keep("load", report.target, report.commit, result, figures)


def keep_artifact(one: Artifact, commit: str | None, keep: Keep) -> None:
    """A row for an artifact that was made, or could not be."""
    if one.status not in ("made", "failed"):
        return
    figures: dict[str, Any] = {"bytes": one.bytes, "elapsed_s": round(one.elapsed_s, 3), "task": one.task}
    if one.agreement is not None:
        figures |= {"difference": one.agreement.difference, "similarity": one.agreement.similarity}
    if one.failure is not None:
        figures["error"] = one.failure.said
    keep("export", one.id, commit, one.status, figures)


def keep_audit(report: AuditReport, keep: Keep) -> None:
    """A row for each entry that was audited."""
    for one in report.entries:
        found = [finding for finding in report.findings if one.entry.id in finding.entries and finding.counts]
        figures = {
            "errors": sum(finding.level == "error" for finding in found),
            "warnings": sum(finding.level == "warning" for finding in found),
            "findings": [f"{finding.id}: {finding.message}"[:_ANSWER] for finding in found[:100]],
        }
        keep("audit", one.entry.label, one.commit, "failed" if found else "clean", figures)
