"""What came of an export, for people. Changes with what is said of artifacts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from prewarm.formats.failed import help_lines
from prewarm.records.export import Artifact, ExportReport
from prewarm.records.text import harmless
from prewarm.records.units import duration, plural, size

_COLOURS = {"whole": "green", "made": "green", "missing": "yellow", "stale": "yellow", "failed": "red"}
_SHOWN = 3


def lines(report: ExportReport, paint: Callable[[str, str], str], *, quiet: bool, verbose: bool) -> list[str]:
    """The lines.

    Args:
        report: what came of it.
        paint: gives a text a colour.
        quiet: only what is not there.
        verbose: with traces.
    """
    shown = [one for one in report.artifacts if not (quiet and one.is_there)]
    width = max((len(one.id) for one in shown), default=0)
    base = report.manifest.parent
    told = [line for one in shown for line in _artifact(one, base, paint, width=width, verbose=verbose)]
    if quiet:
        return told
    lost = sum(not one.is_there for one in report.artifacts)
    made = sum(one.status == "made" for one in report.artifacts)
    total = plural(len(report.artifacts), "artifact")
    if lost:
        said = paint(f"{lost} of {total} not there", "red" if not report.ok else "yellow")
    else:
        said = paint(f"{total} there", "green") + (f", {made} made" if made else ": nothing to do")
    return [*told, f"{said} in {duration(report.elapsed_s)}"]


def _artifact(one: Artifact, base: Path, paint: Callable[[str, str], str], *, width: int, verbose: bool) -> list[str]:
    facts = [str(one.folder.relative_to(base) if one.folder.is_relative_to(base) else one.folder)]
    if one.task:
        facts.append(one.task)
    if one.opset:
        facts.append(f"opset {one.opset}")
    if one.bytes:
        facts.append(size(one.bytes))
    if one.agreement is not None:
        facts.append(f"differs by {one.agreement.difference:.1e} on {plural(one.agreement.cases, 'input')}")
    if one.status == "made":
        facts.append(duration(one.elapsed_s))
    told = [f"{one.id:<{width}}  {paint(f'{one.status:<7}', _COLOURS[one.status])}  {', '.join(facts)}"]
    told += [f"  {harmless(note)}" for note in one.notes]
    is_changed = any("not what was made" in said for said in one.reasons)
    if not one.is_there and one.failure is None:
        told += [f"  {harmless(reason)}" for reason in one.reasons[:_SHOWN]]
        more = len(one.reasons) - _SHOWN
        told += [f"  and {more} more"] if more > 0 else []
        told.append(f"  try: prewarm export{' --force' if is_changed else ''}")
    if one.failure is not None:
        told.append(f"  {one.failure.said}")
        told += help_lines(one.failure.hint, one.failure.kind)
        if verbose and one.failure.trace:
            told += [f"    {line}" for line in one.failure.trace.splitlines()]
    return told
