"""Tries the samples of entries, and sets of cases. Changes with which are tried, and what is kept of it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from prewarm.cache.place import write_text
from prewarm.cache.stored import key_of, read_table, write_table
from prewarm.flow.account import Options
from prewarm.hub import configuration
from prewarm.operations.asking import Desk, ask, asking, versions_now
from prewarm.operations.keeping import keep_tried, keeping
from prewarm.operations.project import Project
from prewarm.operations.wrapped import prove_all
from prewarm.records.entry import Entry
from prewarm.records.errors import CommandError
from prewarm.records.events import Notice, Observer
from prewarm.records.report import WrappedReport
from prewarm.records.sample import Answer, CaseChange, Outcome, Recorded, Sample, Tried, TryReport
from prewarm.samples import NAME, Case, digest_of, dump, judge, load, read_cases
from prewarm.samples.judge import Setting, is_finite
from prewarm.samples.questions import missing_file
from prewarm.samples.recorded import by_name, merged

_USUAL = Sample(name="usual input")
"""What is asked of an entry that is named and has no samples: what suits its model."""
_KEPT_COMMITS = 2


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
) -> TryReport:
    """Ask each entry its samples, and compare the answers.

    Args:
        project: what the lock says.
        wanted: the samples of each entry.
        observe: is told of the progress.
        environ: the process's environment.
        records: whether the answers are stored as what is expected.
        runs_wrapped: whether the project's wrapped models are run as well.

    Raises:
        LockError: what was stored cannot be read.
        CommandError: it cannot be written.
    """
    began = time.monotonic()
    path = recorded_path(project)
    before = load(path)
    new: list[Recorded] = []
    tried: list[Tried] = []
    with keeping(project, observe) as keep, asking(project, observe, environ) as desk:
        for entry, samples in wanted.items():
            observe(Notice(text=f"{entry.label}: asking {len(samples)} of its samples"))
            one, stored = try_entry(entry, samples, desk, before, records=records)
            tried.append(one)
            keep_tried(one, keep)
            new += stored
        if runs_wrapped and project.wrapped:
            ran = prove_all(project, desk.using, environ, Options(proof="load", prove_again=True))
            for of_wrapped in map(_of_wrapped, ran):
                tried.append(of_wrapped)
                keep_tried(of_wrapped, keep)
    if new:
        _write(path, dump(merged(before, new)))
    return TryReport(entries=tuple(tried), manifest=project.manifest.path, elapsed_s=time.monotonic() - began)


def _of_wrapped(report: WrappedReport) -> Tried:
    sample = Sample(name="sample", text=str(report.wrapped.sample.get("text") or "") or None)
    found = Tried(id=report.wrapped.name, commit=None, required=report.entry.required, failure=report.failure)
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
    known = by_name(before, entry.label)
    new = [
        Recorded(
            entry=entry.label,
            name=sample.name,
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


def try_cases(
    project: Project,
    path: Path,
    observe: Observer,
    environ: Mapping[str, str],
    *,
    min_pass: float,
    records: bool = False,
) -> TryReport:
    """Run a stored set of cases, and say which came out otherwise than at the last commit.

    Raises:
        CommandError: the set cannot be read, or a case is for no entry.
    """
    wanted = _cases_of(project, read_cases(path), path)
    report = try_samples(project, wanted, observe, environ, records=records, runs_wrapped=False)
    changed = tuple(change for tried in report.entries for change in _since_the_last(tried, path))
    return replace(report, cases=path, min_pass=min_pass, changed=changed)


def recorded_path(project: Project) -> Path:
    """Where answers are stored."""
    return project.manifest.path.parent / NAME


def _cases_of(project: Project, cases: Sequence[Case], path: Path) -> dict[Entry, tuple[Sample, ...]]:
    found: dict[Entry, list[Sample]] = {}
    models = [entry for entry in project.entries if entry.repo_type == "model"]
    for case in cases:
        fitting = [entry for entry in models if case.entry is None or entry.is_called(case.entry)]
        if len(fitting) != 1:
            if case.entry is not None:
                said = f"{'no' if not fitting else 'more than one'} entry is called '{case.entry}'"
            else:
                said = f"the case names no entry, and there are {len(fitting)}"
            names = ", ".join(entry.label for entry in models[:5]) or "none"
            raise CommandError(
                said,
                place=case.sample.place,
                hint=f"id = one of {names}; or name one: prewarm try ID --cases {path.name}",
            )
        found.setdefault(fitting[0], []).append(case.sample)
    return {entry: tuple(samples) for entry, samples in found.items()}


def _since_the_last(tried: Tried, path: Path) -> list[CaseChange]:
    """The cases that came out otherwise at the commit before; keeps what came out now."""
    if tried.commit is None:
        return []
    key = key_of(f"{path.absolute()}\n{tried.id}")
    place = configuration.home() / "prewarm" / "cases" / f"{key}.json"
    kept: dict[str, Any] = {commit: told for commit, told in read_table(place).items() if isinstance(told, dict)}
    now = {
        one.sample.name: [one.verdict, one.answer.said if one.answer is not None else "; ".join(one.reasons)]
        for one in tried.outcomes
    }
    earlier = [commit for commit in kept if commit != tried.commit]
    found = []
    if earlier:
        before = kept[earlier[-1]]
        for case, (verdict, said) in now.items():
            was = before.get(case)
            is_one = isinstance(was, list) and len(was) == 2
            if is_one and ((was[0] == "failed") != (verdict == "failed") or was[1] != said):
                found.append(_change(tried, case, earlier[-1], was, (verdict, said)))
    kept.pop(tried.commit, None)
    kept[tried.commit] = now
    write_table(place, {commit: kept[commit] for commit in list(kept)[-_KEPT_COMMITS:]})
    return found


def _change(tried: Tried, case: str, commit: str, was: Sequence[Any], now: tuple[str, str]) -> CaseChange:
    return CaseChange(
        entry=tried.id,
        name=case,
        before=(commit, str(was[0]), str(was[1])),
        after=(str(tried.commit), *now),
    )


def _write(path: Path, text: str) -> None:
    try:
        with suppress(FileNotFoundError):
            if path.read_text(encoding="utf-8") == text:
                return
        write_text(path, text)
    except OSError as error:
        said = f"{path} cannot be written: {error.strerror or error}"
        raise CommandError(said, hint="make its folder one that can be written") from None
