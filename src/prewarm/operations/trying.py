"""Tries the samples of entries. Changes with which are tried, and what is kept of it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from prewarm.cache.place import write_text
from prewarm.flow.account import Options
from prewarm.operations.asking import Desk, ask, asking, versions_now
from prewarm.operations.keeping import CaseSet, keep_tried, keeping
from prewarm.operations.project import Project
from prewarm.operations.wrapped import prove_all
from prewarm.records.entry import Entry
from prewarm.records.errors import CommandError
from prewarm.records.events import Notice, Observer
from prewarm.records.report import WrappedReport
from prewarm.records.sample import Answer, Outcome, Recorded, Sample, Tried, TryReport
from prewarm.samples import NAME, digest_of, dump, judge, load
from prewarm.samples.judge import Setting, is_finite
from prewarm.samples.questions import missing_file
from prewarm.samples.recorded import by_name, merged

_USUAL = Sample(name="usual input")
"""What is asked of an entry that is named and has no samples: what suits its model."""


def chosen(project: Project, *, is_named: bool) -> dict[Entry, tuple[Sample, ...]]:
    """The entries that are tried, with their samples: those that are named, else those that have samples.

    Raises:
        CommandError: there are none.
    """
    found = {
        entry: entry.samples or (_USUAL,)
        for entry in project.entries
        if entry.samples or (is_named and entry.repo_type == "model")
    }
    if not found and not project.wrapped:
        raise CommandError(
            f"no entry of {project.manifest.path.name} has a sample",
            hint='name one: prewarm try ID; or add to its table: [[advanced.sample]] with text = "…"',
        )
    return found


def try_samples(
    project: Project,
    wanted: Mapping[Entry, Sequence[Sample]],
    observe: Observer,
    environ: Mapping[str, str],
    *,
    records: bool = False,
    runs_wrapped: bool = True,
    cases: CaseSet | None = None,
) -> TryReport:
    """Ask each entry its samples, and compare the answers.

    Args:
        project: what the lock says.
        wanted: the samples of each entry.
        observe: is told of the progress.
        environ: the process's environment.
        records: whether the answers are stored as what is expected.
        runs_wrapped: whether the project's wrapped models are run as well.
        cases: the set that they are of; None: they are the manifest's own.

    Raises:
        LockError: what was stored cannot be read.
        CommandError: it cannot be written, or two of the entries have the same name.
    """
    _refuse_namesakes(wanted)
    began = time.monotonic()
    path = recorded_path(project)
    before = load(path)
    new: list[Recorded] = []
    tried: list[Tried] = []
    with keeping(project, observe) as keep, asking(project, observe, environ) as desk:
        for entry, samples in wanted.items():
            observe(Notice(text=f"{entry.label}: asking {len(samples)} of its samples"))
            one, stored = try_entry(entry, samples, desk, before, records=records, cases=cases)
            tried.append(one)
            keep_tried(one, keep, cases)
            new += stored
        if runs_wrapped and project.wrapped:
            ran = prove_all(project, desk.using, environ, Options(proof="load", prove_again=True))
            for of_wrapped in map(_of_wrapped, ran):
                tried.append(of_wrapped)
                keep_tried(of_wrapped, keep)
    if new:
        _write(path, dump(merged(before, new)))
    return TryReport(entries=tuple(tried), manifest=project.manifest.path, elapsed_s=time.monotonic() - began)


def _refuse_namesakes(wanted: Mapping[Entry, Sequence[Sample]]) -> None:
    """Answers are stored, and told, by what an entry is called."""
    labels = [entry.label for entry in wanted]
    if doubled := next((label for label in labels if labels.count(label) > 1), None):
        said = f"two entries are called '{doubled}': their answers could not be told apart"
        raise CommandError(said, hint='give one of them a name: name = "…"')


def _of_wrapped(report: WrappedReport) -> Tried:
    sample = Sample(name="sample", text=str(report.wrapped.sample.get("text") or "") or None)
    found = Tried(id=report.wrapped.name, commit=report.commit, required=report.entry.required, failure=report.failure)
    if report.answer is None:
        return found
    said = json.dumps(report.answer, ensure_ascii=False)
    answer = Answer(kind="value", task=report.loaded, texts=(said,), elapsed_s=report.elapsed_s)
    return replace(found, outcomes=(Outcome(sample=sample, verdict="passed", answer=answer),))


def try_entry(
    entry: Entry,
    samples: Sequence[Sample],
    desk: Desk,
    before: Sequence[Recorded],
    *,
    records: bool = False,
    cases: CaseSet | None = None,
) -> tuple[Tried, list[Recorded]]:
    """Ask one entry, and compare its answers with those of ``before``.

    Returns:
        What became of its samples, and what is to be stored.
    """
    base = desk.project.manifest.path.absolute().parent
    found = Tried(id=entry.label, commit=None, required=entry.required)
    absent: dict[str, Outcome] = {}
    digests: dict[str, str] = {}
    for sample in samples:
        if lost := missing_file(sample, base):
            absent[sample.name] = Outcome(sample=sample, verdict="failed", reasons=(f"there is no file {lost}",))
            continue
        try:
            digests[sample.name] = digest_of(sample, entry, base)
        except OSError as error:
            said = f"{error.filename} cannot be read: {error.strerror or error}"
            absent[sample.name] = Outcome(sample=sample, verdict="failed", reasons=(said,))
    there = [sample for sample in samples if sample.name not in absent]
    try:
        asked = ask(entry, there, desk)
    except Exception as error:  # noqa: BLE001 (told apart there)
        return replace(found, failure=desk.using.failure_of(error).as_failure(), outcomes=tuple(absent.values())), []
    process, commit = asked.process, asked.locked.commit
    versions = versions_now()
    of_set = cases.name if cases is not None else ""
    known = by_name(before, entry.label, of_set)
    new = [
        Recorded(
            entry=entry.label,
            name=sample.name,
            cases=of_set,
            digest=digests[sample.name],
            commit=commit,
            dtype=process.dtype,
            versions=versions,
            answer=answer,
        )
        for sample, answer in zip(there, asked.answers, strict=True)
        if records
        and isinstance(answer, Answer)
        and is_finite(answer)
        and (sample.expect is None or sample.expect.needs_recorded)
    ]
    known = {**known, **{one.name: one for one in new}}
    judged = judge(there, asked.answers, known, digests, Setting(dtype=process.dtype, versions=versions))
    outcomes = {**absent, **{one.sample.name: one for one in judged}}
    tried = replace(
        found,
        commit=commit,
        outcomes=tuple(outcomes[sample.name] for sample in samples),
        load_s=process.load_s,
        peak_rss_bytes=process.peak_rss_bytes,
        dtype=process.dtype,
        recorded=len(new),
    )
    return tried, new


def as_recorded(tried: Tried, name: str, answer: Answer, setting: Setting) -> Recorded:
    """An answer that was given as what another one is compared with."""
    return Recorded(
        entry=tried.id, name=name, digest="", commit=str(tried.commit), dtype=tried.dtype, versions=setting.versions,
        answer=answer,
    )  # fmt: skip


def recorded_path(project: Project) -> Path:
    """Where answers are stored."""
    return project.manifest.path.parent / NAME


def _write(path: Path, text: str) -> None:
    try:
        with suppress(FileNotFoundError):
            if path.read_text(encoding="utf-8") == text:
                return
        write_text(path, text)
    except OSError as error:
        said = f"{path} cannot be written: {error.strerror or error}"
        raise CommandError(said, hint="make its folder one that can be written") from None
