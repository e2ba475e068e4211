"""``prewarm scan``. Changes with its options."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown
from prewarm.records.text import harmless
from prewarm.records.units import plural

if TYPE_CHECKING:
    from prewarm.authoring.scan import Scan
    from prewarm.operations.scan import Scanned

_NOTHING = "nothing was found that loads a model"


@click.command("scan", epilog="Example: prewarm scan . --write")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH…")
@click.option("--write", is_flag=True, help="Put what the manifest lacks into it.")
@click.option("--check", is_flag=True, help="Name what the manifest lacks, a line each, and exit with 1.")
@options.manifest
@options.output(json=False, verbose=False)
def command(paths: tuple[Path, ...], write: bool, check: bool, path: Path | None, shown: Shown) -> int:
    """Read an application's source, without running it, for the models that it loads, with file and line.

    PATH is a folder, a file of Python, a notebook, a Dockerfile, a shell script, TOML or YAML. Constants are followed
    through assignments, defaults, classes, dictionaries and modules. What the source does not say is told, with the
    reason: prewarm record sees it. A line with the comment "prewarm: ignore" is left out.
    """
    from prewarm.operations import scan
    from prewarm.operations.recorded import text_of

    if write and check:
        raise click.UsageError("--write and --check exclude each other")
    done = scan.scan_sources(paths, path, os.environ)
    found = done.scan
    for one in found.broken:
        click.echo(harmless(f"{one.where}: cannot be read, and was left out: {one.said}"), err=True)
    if check:
        return _check(done, shown)
    if not shown.quiet:
        _tell(found, err=not write)
    if write:
        if done.drafts:
            scan.write(done)
        if not shown.quiet:
            count = plural(len(done.drafts), "entry")
            said = f"{done.manifest.name} is written, {count} more" if done.drafts else "the manifest has all of it"
            click.echo(f"{said}; now: prewarm" if found.found else _NOTHING)
    elif done.drafts:
        sys.stdout.write(text_of(done.drafts))
    elif not shown.quiet:
        click.echo("the manifest has all of it" if found.found else _NOTHING, err=True)
    return 0


def _check(done: Scanned, shown: Shown) -> int:
    for lack in done.lacking:
        click.echo(harmless(f"{lack.where}: {lack.call} loads {lack.id}, which {done.manifest.name} does not have"))
    if done.lacking and not shown.quiet:
        click.echo("  try: prewarm scan . --write", err=True)
    return int(bool(done.lacking or done.scan.broken))


def _tell(found: Scan, *, err: bool) -> None:
    for load in found.found:
        note = "  (ignored)" if load.is_ignored else ""
        click.echo(harmless(f"{load.where}  {load.id}  {load.call}{note}"), err=err)
    for unsure in found.unsure:
        click.echo(harmless(f"{unsure.where}: not decided: {unsure.said}"), err=True)
    for note in found.notes:
        click.echo(harmless(f"note: {note}"), err=True)
    if found.unsure:
        click.echo("  try: prewarm record -- COMMAND, which sees what the application loads as it runs", err=True)
