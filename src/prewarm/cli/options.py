"""Options that several commands have, and how they tell of their work. Changes with what commands share."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from prewarm.records.events import Observer
    from prewarm.records.report import Report

Command = Callable[..., Any]
_SETTINGS = (
    click.option(
        "--proof", metavar="MODE", help="load (default): load every model offline; files: only verify the files."
    ),
    click.option("--workers", metavar="N", help="Connections for files (default 8)."),
    click.option("--transfer", metavar="HOW", help="auto (default), http or xet: how files come that are in Xet."),
    click.option("--max-wait", metavar="TIME", help="Longest wait for rate limits, in total (default 15m)."),
    click.option("--proof-timeout", metavar="TIME", help="Longest time that one entry may take to load (default 10m)."),
)

manifest = click.option(
    "-m",
    "--manifest",
    "path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The manifest (default: prewarm.toml, or [tool.prewarm] in pyproject.toml).",
)
only = click.option("--only", metavar="ID", multiple=True, help="Only this entry, by id or name; may be repeated.")
locked = click.option("--locked", is_flag=True, help="Fail where prewarm.lock is missing or out of date.")
no_lock = click.option("--no-lock", is_flag=True, help="Neither read nor write prewarm.lock.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
quiet = click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
verbose = click.option(
    "-v", "--verbose", is_flag=True, help="Print a line for every file, and traces of what does not load."
)


def settings(function: Command) -> Command:
    """The flags that stand for keys of ``[settings]``."""
    for option in reversed(_SETTINGS):
        function = option(function)
    return function


def refuse_both(locked: bool, no_lock: bool) -> None:
    """Raise UsageError for two flags that exclude each other."""
    if locked and no_lock:
        raise click.UsageError("--locked and --no-lock exclude each other")


@contextlib.contextmanager
def observer(total: int, *, quiet: bool, verbose: bool) -> Iterator[Observer]:
    """What draws the events on standard error: live lines on a terminal, plain ones elsewhere."""
    if quiet:
        yield lambda event: None
        return
    if sys.stderr.isatty() and not verbose:
        from rich.console import Console

        from prewarm.formats.live import LiveLines

        with LiveLines(Console(stderr=True), total) as live:
            yield live
        return
    from prewarm.formats.plain import PlainLines

    yield PlainLines(sys.stderr, verbose=verbose)


def show(report: Report, *, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Print the report on standard output: JSON, a table, or with ``quiet`` only what failed."""
    if as_json:
        from prewarm.formats import document

        click.echo(document.render(report))
        return
    if quiet:
        show_failures(report, verbose=verbose)
        return
    from prewarm.formats import console, table

    table.show(report, console.make(sys.stdout), verbose=verbose)


def show_failures(report: Report, *, verbose: bool) -> None:
    """Print what failed, and what to do, on standard error."""
    failed = [entry for entry in report.entries if entry.failure is not None]
    if failed:
        from prewarm.formats import console, table

        for entry in failed:
            table.show_failure(entry, console.make(sys.stderr), verbose=verbose)


def show_untouched(report: Report, *, as_json: bool, quiet: bool, verbose: bool) -> None:
    """As ``show``, in one line, where there was nothing to do."""
    if as_json or verbose:
        show(report, as_json=as_json, quiet=quiet, verbose=verbose)
    elif not quiet:
        from prewarm.formats import states

        click.echo(states.untouched(report))


def show_states(report: Report, *, as_json: bool, quiet: bool) -> None:
    """Print what a check has found: JSON, or a line an entry; with ``quiet`` only those that are not ready."""
    if as_json:
        from prewarm.formats import document

        click.echo(document.render(report))
        return
    from prewarm.formats import states

    shown = [entry for entry in report.entries if not (quiet and entry.ready)]
    for line in states.lines(shown, lambda text, colour: click.style(text, fg=colour)):
        click.echo(line, err=quiet)
    if not quiet:
        click.echo(states.total(report))
