"""Sets of cases: which entry each is for, and what came out otherwise than at the last commit.

Changes with what is kept of a set.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from prewarm.cache.stored import key_of, read_table, write_table
from prewarm.hub import configuration
from prewarm.manifest import toml as tomlfile
from prewarm.operations.asking import versions_now
from prewarm.operations.keeping import CaseSet
from prewarm.operations.project import Project
from prewarm.operations.trying import as_recorded, try_samples
from prewarm.records.entry import Entry
from prewarm.records.errors import CommandError, LockError
from prewarm.records.events import Observer
from prewarm.records.sample import Answer, CaseChange, Outcome, Sample, Tried, TryReport
from prewarm.samples import Case, dump, read_cases
from prewarm.samples.judge import Setting, is_finite, unlike
from prewarm.samples.recorded import by_name
from prewarm.samples.recorded import read as read_recorded

_KEPT_COMMITS = 2


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
    base = project.manifest.path.absolute().parent
    cases = CaseSet(name=Path(os.path.relpath(path.absolute(), base)).as_posix(), min_pass=min_pass)
    report = try_samples(project, wanted, observe, environ, records=records, runs_wrapped=False, cases=cases)
    changed = tuple(change for tried in report.entries for change in _since_the_last(tried, path))
    return replace(report, cases=path, min_pass=min_pass, changed=changed)


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
    setting = Setting(dtype=tried.dtype, versions=versions_now())
    earlier = [commit for commit in kept if commit != tried.commit]
    found = _changes(tried, (earlier[-1], kept[earlier[-1]]), place, setting) if earlier else []
    kept.pop(tried.commit, None)
    kept[tried.commit] = {
        "verdicts": {one.sample.name: [one.verdict, _said(one)] for one in tried.outcomes},
        "answers": dump(as_recorded(tried, one.sample.name, answer, setting) for one, answer in _answered(tried)),
    }
    write_table(place, {commit: kept[commit] for commit in list(kept)[-_KEPT_COMMITS:]})
    return found


def _changes(tried: Tried, last: tuple[str, Mapping[str, Any]], place: Path, setting: Setting) -> list[CaseChange]:
    """Other verdicts than at the commit of ``last``, and answers that differ by more than is tolerated."""
    commit, before = last
    try:
        verdicts = {name: (str(verdict), str(said)) for name, (verdict, said) in before["verdicts"].items()}
        known = by_name(read_recorded(tomlfile.parse(before["answers"]), place), tried.id)
    except (KeyError, TypeError, ValueError, AttributeError, LockError):
        # Damaged, or of an older version: nothing is known then.
        return []
    answers = {one.sample.name: answer for one, answer in _answered(tried)}
    found = []
    for one in tried.outcomes:
        name = one.sample.name
        if name not in verdicts:
            continue
        verdict, said = verdicts[name]
        differs = unlike(answers[name], known[name], setting) if name in answers and name in known else []
        if (verdict == "failed") != (one.verdict == "failed") or differs:
            now = _said(one) + (f" ({'; '.join(differs)})" if differs and _said(one) == said else "")
            found.append(
                CaseChange(
                    entry=tried.id,
                    name=name,
                    before=(commit, verdict, said),
                    after=(str(tried.commit), one.verdict, now),
                )
            )
    return found


def _said(one: Outcome) -> str:
    return one.answer.said if one.answer is not None else "; ".join(one.reasons)


def _answered(tried: Tried) -> list[tuple[Outcome, Answer]]:
    return [(one, one.answer) for one in tried.outcomes if one.answer is not None and is_finite(one.answer)]
