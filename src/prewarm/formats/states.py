"""The state of entries, a line each. Changes with what a check says.

Without rich, which takes as long to import as a whole check.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prewarm.records.report import EntryReport, Report
from prewarm.records.stage import retry_in_s, stage_of
from prewarm.records.text import harmless
from prewarm.records.units import duration, plural, size

_COLOURS = {"proven": "green", "cached": "green", "partial": "yellow", "missing": "yellow", "failed": "red"}
_SHOWN = 3


def lines(entries: Sequence[EntryReport], paint: Callable[[str, str], str], *, stages: bool = False) -> list[str]:
    """A line an entry, in columns, with what is not as it should be at its end.

    Args:
        entries: what was found.
        paint: gives a text a colour.
        stages: with a column of where each stands in its life.
    """
    column = [_stage(entry) for entry in entries] if stages else [""] * len(entries)
    stage_width = max(map(len, column), default=0) + 2 * stages
    names = [name_of(entry) for entry in entries]
    width = max(map(len, names), default=0)
    found = []
    for entry, name, stage in zip(entries, names, column, strict=True):
        colour = _COLOURS[entry.status] if entry.ready or entry.status == "failed" else "yellow"
        has_files = f"{plural(entry.files, 'file'):>9}  {size(entry.bytes):>8}" if entry.files else " " * 19
        commit = entry.commit[:7] if entry.commit else ""
        said = "; ".join(_said(entry))
        start = paint(f"{entry.status:<8}", colour) + f"{stage:<{stage_width}}"
        line = f"{start}{name:<{width}}  {commit:<7}  {has_files}  {said}"
        found.append(line.rstrip())
    return found


def total(report: Report) -> str:
    """How many are ready, and what to do about the others."""
    said = f"{', '.join(ready_of(report))}, {duration(report.elapsed_s)}"
    if all(entry.ready for entry in report.all):
        return said
    from prewarm.formats.failed import more  # noqa: PLC0415 (where something failed)

    kinds = dict.fromkeys(entry.failure.kind for entry in report.all if entry.failure is not None)
    return "\n".join([said, "  try: prewarm", *map(more, kinds)])


def ready_of(report: Report) -> list[str]:
    """How many are ready, of the entries and of the applications."""
    return [f"{sum(one.ready for one in found)} of {plural(len(found), kind)} ready" for found, kind in _kinds(report)]


def _kinds(report: Report) -> list[tuple[Sequence[EntryReport], str]]:
    """Of what there is, or else the entries: there are none."""
    found: list[tuple[Sequence[EntryReport], str]] = [
        (report.entries, "entry"),
        (report.applications, "application"),
        (report.wrapped, "wrapped model"),
    ]
    return [pair for pair in found if pair[0]] or found[:1]


def untouched(report: Report) -> str:
    """That there was nothing to do."""
    files = sum(entry.files for entry in report.all)
    total_bytes = sum(entry.bytes for entry in report.all)
    found, kind = _kinds(report)[0]
    said = f"{plural(len(found), kind)} ready, {plural(files, 'file')}, {size(total_bytes)}"
    return f"{said}: nothing to do, {duration(report.elapsed_s)}"


def name_of(entry: EntryReport) -> str:
    """The entry's name, or its id, with the revision where that is not main."""
    name = harmless(entry.entry.name or entry.entry.id)
    revision = entry.entry.revision
    shown = revision[:7] if len(revision) == 40 else revision
    return name if revision == "main" else f"{name}@{shown}"


def _stage(entry: EntryReport) -> str:
    left_s = retry_in_s(entry)
    if left_s is None:
        return stage_of(entry)
    return f"{stage_of(entry)} {f'in {duration(left_s)}' if left_s >= 1 else 'now'}"


def _said(entry: EntryReport) -> list[str]:
    said = []
    if entry.failure is not None:
        said.append(entry.failure.said)
    if entry.missing and len(entry.missing) < entry.files:
        others = f" and {len(entry.missing) - _SHOWN} more" if len(entry.missing) > _SHOWN else ""
        said.append(f"without {', '.join(entry.missing[:_SHOWN])}{others} ({size(entry.missing_bytes)})")
    if not entry.entry.required:
        said.append("not required")
    if entry.vulnerable and entry.failure is None:
        said.append(f"the last audit found {', '.join(entry.vulnerable[:_SHOWN])}: prewarm audit says more")
    return [harmless(one) for one in (*said, *entry.notes)]
