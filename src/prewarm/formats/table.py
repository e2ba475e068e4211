"""A report as a table for people, with what failed and what to do below it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from prewarm.formats.failed import more
from prewarm.formats.states import name_of, ready_of
from prewarm.records.report import ApplicationReport, EntryReport, Report, WrappedReport
from prewarm.records.text import harmless
from prewarm.records.units import duration, plural, size

_STYLES = {"proven": "green", "cached": "green", "partial": "yellow", "missing": "yellow", "failed": "red"}
_KEYS_SHOWN = 3


def show(report: Report, console: Console, *, verbose: bool = False) -> None:
    """Print the table, the totals, the notes and the failures.

    Args:
        report: what happened.
        console: where to print it.
        verbose: with the trace of what did not load.
    """
    console.print(_table(report))
    console.print(_totals(report))
    noted = [(name_of(entry), [*entry.notes, *_keys(entry)]) for entry in report.all]
    if report.not_prevented or any(notes for _, notes in noted):
        console.print()
    if report.not_prevented:
        console.print(f"what this machine did not keep the loaded code from: {'; '.join(report.not_prevented)}")
    for name, notes in noted:
        for note in notes:
            console.print(Text.assemble((name, "bold"), f": {harmless(note)}"))
    if any(entry.failure is not None for entry in report.all):
        console.print()
        show_failures(report.all, console, verbose=verbose)


def show_failures(entries: Sequence[EntryReport], console: Console, *, verbose: bool = False) -> None:
    """Print what happened to those that failed, and what to do: what helps several of them once, with their names."""
    failed = [(entry, entry.failure.hint) for entry in entries if entry.failure is not None]
    for at, (entry, hint) in enumerate(failed):
        if at:
            console.print()
        console.print(_failure(entry, verbose=verbose))
        if hint and hint not in (later for _, later in failed[at + 1 :]):
            console.print(_hint(hint, [other for other, its in failed if its == hint]))
        if entry.failure is not None and entry.failure.kind not in _kinds(failed[at + 1 :]):
            console.print(Text(more(entry.failure.kind), style="dim"))


def _kinds(failed: Sequence[tuple[EntryReport, str]]) -> set[str]:
    return {entry.failure.kind for entry, _ in failed if entry.failure is not None}


def _table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("entry", overflow="fold", ratio=3 if report.all else None)
    table.add_column("commit", no_wrap=True)
    table.add_column("files", justify="right", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("to fetch" if report.dry_run else "downloaded", justify="right", no_wrap=True)
    table.add_column("loaded", overflow="fold", ratio=3)
    table.add_column("in", justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for entry in report.all:
        fetched = entry.missing_bytes if report.dry_run else entry.fetched.bytes
        table.add_row(
            Text(name_of(entry)),
            entry.commit[:7] if entry.commit else "",
            str(entry.files) if entry.files else "",
            size(entry.bytes) if entry.files else "",
            size(fetched) if fetched else "-",
            Text(_loaded(entry)),
            duration(entry.proof.load_s) if entry.proof else _ran_in(entry),
            _status(entry),
        )
    return table


def _ran_in(entry: EntryReport) -> str:
    ran = entry.ran if isinstance(entry, ApplicationReport) else None
    return duration(ran.elapsed_s) if ran is not None else ""


def _loaded(entry: EntryReport) -> str:
    if isinstance(entry, ApplicationReport):
        return harmless(" ".join(entry.application.command))
    if isinstance(entry, WrappedReport):
        return harmless(entry.loaded)
    if entry.proof is None:
        return ""
    return harmless(" + ".join(filter(None, (entry.proof.model, entry.proof.processor))) or "nothing")


def _status(entry: EntryReport) -> Text:
    status = entry.failure.kind if entry.failure else entry.status
    if entry.failure is not None and not entry.entry.required:
        return Text(f"{status} (not required)", style="yellow")
    return Text(status, style=_STYLES[entry.status])


def _totals(report: Report) -> Text:
    parts = [
        *ready_of(report),
        plural(sum(entry.files for entry in report.all), "file"),
        size(sum(entry.bytes for entry in report.all)),
    ]
    if report.dry_run:
        files = sum(len(entry.missing) for entry in report.entries)
        missing = sum(entry.missing_bytes for entry in report.entries)
        parts.append(f"to fetch: {size(missing)} in {plural(files, 'metered request')}")
    else:
        parts.append(f"downloaded {size(report.fetched.bytes)} in {plural(report.fetched.requests, 'metered request')}")
    if report.fetched.waited_s >= 0.05:
        parts.append(f"waited {duration(report.fetched.waited_s)} for rate limits")
    parts.append(duration(report.elapsed_s))
    return Text("\n" + ", ".join(parts), style="green" if report.ok or report.dry_run else "red")


def _keys(entry: EntryReport) -> list[str]:
    if entry.proof is None:
        return []
    said = []
    for keys, meaning in (
        (entry.proof.missing_keys, "not in the files, and made up at random: train them before you use them"),
        (entry.proof.mismatched_keys, "of another shape in the files, and made up at random"),
    ):
        if keys:
            more = f" and {len(keys) - _KEYS_SHOWN} more" if len(keys) > _KEYS_SHOWN else ""
            said.append(f"weights {', '.join(keys[:_KEYS_SHOWN])}{more} are {meaning}")
    return said


def _failure(entry: EntryReport, *, verbose: bool) -> Group:
    failure = entry.failure
    assert failure is not None
    lines = [Text.assemble((f"{name_of(entry)}: ", "bold"), (failure.kind, "bold red"), f": {failure.message}")]
    if verbose and failure.trace:
        lines += [Text(f"    {line}", style="dim") for line in failure.trace.splitlines()]
    return Group(*lines)


def _hint(hint: str, entries: Sequence[EntryReport]) -> Group:
    first, *rest = hint.splitlines()
    whose = f" ({', '.join(map(name_of, entries))})" if len(entries) > 1 else ""
    return Group(Text.assemble(("  try: ", "bold"), first, (whose, "dim")), *(Text(f"    {line}") for line in rest))
