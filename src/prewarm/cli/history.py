"""``prewarm history``. Changes with its options."""

from __future__ import annotations

import os
from pathlib import Path

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown, paint


@click.command("history", epilog="Example: prewarm history")
@click.argument("which", metavar="[ID]", required=False, shell_complete=options.ids)
@click.option("--compare", nargs=2, metavar="A B", help="What got worse from one commit to another: exit code 1.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write a page (.html) to send.")
@options.manifest
@options.output(verbose=False)
def command(
    which: str | None, compare: tuple[str, str] | None, output: Path | None, path: Path | None, shown: Shown
) -> int:
    """Say what earlier runs found out, version by version: proofs, samples, load, audits, artifacts, notes.

    Kept where [settings] history names a file. prewarm note ID TEXT writes a note.
    """
    from prewarm.formats import history as form
    from prewarm.operations.history import compared, read, write_page
    from prewarm.operations.project import load_or_empty

    found = read(load_or_empty(path, os.environ), which)
    result = compared(found, *compare) if compare else None
    if output is not None:
        write_page(found, output, result)
    for number in found.damaged:
        click.echo(f"row {number} of {found.path} is damaged, and left out", err=True)
    if shown.as_json:
        click.echo(form.document(found.versions, result.changes if result is not None else None))
    else:
        if result is not None:
            told = form.comparison_lines(result.before, result.after, result.changes, paint)
        else:
            told = form.lines(found.versions, paint)
        for line in told if not shown.quiet else ():
            click.echo(line)
    return int(result is not None and result.is_worse)
