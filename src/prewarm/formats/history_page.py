"""The history as one page that can be sent. Changes with what the page shows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from prewarm.formats.charts import Chart, Curve, draw, look_for_packages
from prewarm.formats.history import KINDS, figures_of
from prewarm.formats.page import page
from prewarm.records.history import Comparison, Version

_MOST_CURVES = 8


def render(versions: Sequence[Version], compared: tuple[Version, Version, Sequence[Comparison]] | None) -> str:
    """Versions, their life cycle, samples, and the load curves of several commits in one picture.

    Raises:
        LoadError: matplotlib is missing, and there are curves.
    """
    parts: list[dict[str, Any]] = []
    if compared is not None:
        before, after, changes = compared
        rows = [["", "what", before.commit[:7], after.commit[:7]]]
        rows += [[one.trend, one.what, one.before, one.after] for one in changes]
        parts.append(
            {"title": f"What got worse of {after.entry}, and what better", "rows": rows, "facts": [], "text": ""}
        )
    for at, entry in enumerate(dict.fromkeys(version.entry for version in versions)):
        own = [version for version in versions if version.entry == entry]
        parts.append({"title": entry, "rows": _table(own), "facts": [], "text": "", "pictures": _curves(own, f"e{at}")})
        parts.append({"title": "", "rows": _life(own), "facts": ["Life cycle"], "text": ""})
        for cases in dict.fromkeys(row.of[1] for version in own for row in version.newest if row.kind == "try"):
            if samples := _samples(own, cases):
                said = f"Cases of {cases}" if cases else "Samples"
                parts.append({"title": "", "rows": samples, "facts": [said], "text": ""})
    return page("What is known of the models", parts)


def _table(versions: Sequence[Version]) -> list[list[str]]:
    rows = [["commit", "first seen", "last seen", *KINDS, "notes"]]
    for version in versions:
        times = [row.at for row in version.rows] or [note.at for note in version.notes]
        cells = []
        for kind in KINDS:
            own = [f"{row.result}: {figures_of(row)}" for row in version.newest if row.kind == kind]
            cells.append("; ".join(own))
        notes = "; ".join(note.text for note in version.notes)
        rows.append([version.commit[:12], _when(times[0]), _when(times[-1]), *cells, notes])
    return rows


def _life(versions: Sequence[Version]) -> list[list[str]]:
    rows = [["when", "commit", "what", "result", "versions", "machine"]]
    for row in sorted((row for version in versions for row in version.rows), key=lambda row: row.at):
        installed = ", ".join(f"{name} {version}" for name, version in row.versions.items() if version)
        rows.append([_when(row.at), row.commit[:7], row.kind, row.result, installed, row.machine])
    return rows


def _when(at: str) -> str:
    """In UTC, to the minute."""
    return at[:16].replace("T", " ")


def _samples(versions: Sequence[Version], cases: str) -> list[list[str]]:
    """A row for each sample, or case of a set, a column for each commit: verdict and answer."""
    tried = [(version.commit[:7], row) for version in versions for row in version.newest if row.of == ("try", cases)]
    asked: dict[str, str] = {}
    answers: dict[tuple[str, str], str] = {}
    for commit, row in tried:
        samples = row.figures.get("samples")
        for one in samples if isinstance(samples, list) else []:
            if isinstance(one, dict):
                name = str(one.get("name"))
                asked[name] = str(one.get("asked"))
                answers[name, commit] = f"{one.get('verdict')}: {one.get('answer')}"
    commits = [commit for commit, _ in tried]
    rows = [[name, said, *(answers.get((name, commit), "") for commit in commits)] for name, said in asked.items()]
    return [["sample", "asked", *commits], *rows] if rows else []


def _curves(versions: Sequence[Version], name: str) -> list[str]:
    loaded = [(version.commit[:7] or "now", row) for version in versions if (row := version.last("load")) is not None]
    charts: dict[str, Chart] = {}
    for kind, axis in (("concurrency", "requests at a time"), ("rate", "requests sent a second")):
        curves = [(commit, _steps(row.figures, kind)) for commit, row in loaded]
        curves = [(commit, steps) for commit, steps in curves if steps][-_MOST_CURVES:]
        if not curves:
            continue
        ticks = sorted({float(step["value"]) for _, steps in curves for step in steps})
        rates = [_curve(commit, steps, lambda step: float(step["rate"])) for commit, steps in curves]
        times = [_curve(commit, steps, lambda step: 1000 * float(step["latency"]["p95_s"])) for commit, steps in curves]
        charts[f"{name}-{kind}-rate"] = Chart(
            title="Answers a second, by commit", x=axis, y="answers a second", curves=rates, ticks=ticks, is_named=True
        )
        charts[f"{name}-{kind}-p95"] = Chart(
            title="95 of 100 answers within, by commit",
            x=axis,
            y="milliseconds",
            curves=times,
            ticks=ticks,
            is_named=True,
        )
    if not charts:
        return []
    look_for_packages()
    return list(draw(charts).values())


def _steps(figures: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    steps = figures.get("steps")
    return [one for one in steps if _is_drawn(one, kind)] if isinstance(steps, list) else []


def _is_drawn(step: Any, kind: str) -> bool:
    latency = step.get("latency") if isinstance(step, dict) and step.get("kind") == kind else None
    values = [step.get("value"), step.get("rate"), latency.get("p95_s")] if isinstance(latency, dict) else [None]
    return all(isinstance(value, (int, float)) and math.isfinite(value) for value in values)


def _curve(name: str, steps: Sequence[Mapping[str, Any]], value: Any) -> Curve:
    return Curve(name=name, x=[float(step["value"]) for step in steps], y=[value(step) for step in steps])
