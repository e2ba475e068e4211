"""How a command tells of its work, and of what came of it. Changes with the forms that reports have."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from prewarm.records.audit import AuditReport
    from prewarm.records.events import Observer
    from prewarm.records.export import ExportReport
    from prewarm.records.fleet import FleetEvent, FleetReport
    from prewarm.records.load import LoadReport
    from prewarm.records.report import Report
    from prewarm.records.sample import TryReport


@dataclass(frozen=True, kw_only=True)
class Shown:
    """How a command tells of its work and of what came of it."""

    as_json: bool
    quiet: bool
    verbose: bool

    @contextmanager
    def observer(self, total: int, *, is_alone: bool = True) -> Iterator[Observer]:
        """What draws the events on standard error: live lines on a terminal, plain ones elsewhere.

        Args:
            total: how many entries there are.
            is_alone: whether nobody else writes to the terminal meanwhile.
        """
        if self.quiet:
            yield lambda event: None
            return
        if is_alone and sys.stderr.isatty() and not self.verbose:
            from rich.console import Console

            from prewarm.formats.live import LiveLines

            with LiveLines(Console(stderr=True), total) as live:
                yield live
            return
        from prewarm.formats.plain import PlainLines

        yield PlainLines(sys.stderr, verbose=self.verbose)

    def report(self, report: Report) -> None:
        """Print the report on standard output: JSON, a table, or with ``quiet`` only what failed."""
        if self.as_json:
            self._document(report)
        elif self.quiet:
            self.failures(report)
        else:
            from prewarm.formats import console, table

            table.show(report, console.make(sys.stdout), verbose=self.verbose)

    def failures(self, report: Report) -> None:
        """Print what failed, and what to do, on standard error."""
        if any(entry.failure is not None for entry in report.all):
            from prewarm.formats import console, table

            table.show_failures(report.all, console.make(sys.stderr), verbose=self.verbose)

    def untouched(self, report: Report) -> None:
        """As ``report``, in one line, where there was nothing to do."""
        if self.as_json or self.verbose:
            self.report(report)
        elif not self.quiet:
            from prewarm.formats import states

            click.echo(states.untouched(report))

    def states(self, report: Report) -> None:
        """Print what a check has found: JSON, or a line an entry; with ``quiet`` only those that are not ready."""
        if self.as_json:
            self._document(report)
            return
        from prewarm.formats import states

        shown = [entry for entry in report.all if not (self.quiet and entry.ready)]
        for line in states.lines(shown, paint, stages=self.verbose):
            click.echo(line, err=self.quiet)
        if not self.quiet:
            click.echo(states.total(report))

    def audit(self, report: AuditReport) -> None:
        """Print what an audit found: JSON, or lines; with ``quiet`` only what counts, on standard error."""
        if self.as_json:
            from prewarm.formats import audit_document

            click.echo(audit_document.render(report))
            return
        from prewarm.formats import audit

        for line in audit.lines(report, paint, quiet=self.quiet, verbose=self.verbose):
            click.echo(line, err=self.quiet)

    def artifacts(self, report: ExportReport) -> None:
        """Print what came of an export: JSON, or lines; with ``quiet`` only what is not there, on standard error."""
        if self.as_json:
            from prewarm.formats import export_document

            click.echo(export_document.render(report))
            return
        from prewarm.formats import export

        for line in export.lines(report, paint, quiet=self.quiet, verbose=self.verbose):
            click.echo(line, err=self.quiet)

    def verified(self, report: Report, tried: TryReport) -> None:
        """As ``report`` and ``tried``; as JSON in one document, whose ``tried`` is the second."""
        if not self.as_json:
            self.report(report)
            self.tried(tried)
            return

        from prewarm.formats import document, try_document
        from prewarm.records.text import json_document

        told = {**document.as_table(report), "tried": try_document.as_table(tried)}
        told["ok"] = report.ok and tried.ok
        click.echo(json_document(told))

    def tried(self, report: TryReport) -> None:
        """Print what came of samples: JSON, or lines; with ``quiet`` only what failed, on standard error."""
        if self.as_json:
            from prewarm.formats import try_document

            click.echo(try_document.render(report))
            return
        from prewarm.formats import trying

        for line in trying.lines(report, paint, quiet=self.quiet, verbose=self.verbose):
            click.echo(line, err=self.quiet)

    @contextmanager
    def fleet_observer(self) -> Iterator[Callable[[FleetEvent], None]]:
        """As ``observer``, for what the nodes of a fleet do."""
        if self.quiet:
            yield lambda event: None
        elif sys.stderr.isatty() and not self.verbose:
            from rich.console import Console

            from prewarm.formats.fleet_live import LiveNodes

            # Ray's words are kept from standard error meanwhile: this is the one that was there before.
            with LiveNodes(Console(file=sys.stderr)) as live:
                yield live
        else:
            from prewarm.formats.fleet import NodeLines

            yield NodeLines(sys.stderr, verbose=self.verbose)

    def fleet(self, report: FleetReport) -> None:
        """Print what became of a fleet: JSON, or a table; with ``quiet`` only what is not ready, on standard error."""
        if self.as_json:
            from prewarm.formats import fleet_document

            click.echo(fleet_document.render(report))
            return
        from prewarm.formats import fleet

        for line in fleet.lines(report, paint, quiet=self.quiet, verbose=self.verbose):
            click.echo(line, err=self.quiet)

    def loaded(self, report: LoadReport) -> None:
        """Print what came of a load test: JSON, or a table; with ``quiet`` only why it is no success."""
        if self.as_json:
            from prewarm.formats import load_document

            click.echo(load_document.render(report))
            return
        from prewarm.formats import load

        for line in load.lines(report, paint, quiet=self.quiet):
            click.echo(line, err=self.quiet)

    def _document(self, report: Report) -> None:
        from prewarm.formats import document

        click.echo(document.render(report))


def paint(text: str, colour: str) -> str:
    """A text in a colour; where no terminal reads it, click takes the colour off."""
    return click.style(text, fg=colour)
