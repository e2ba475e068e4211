"""``prewarm lock``. Changes with its options."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from prewarm.cli import options


@click.command("lock", epilog="Example: prewarm lock --upgrade")
@click.option("--upgrade", is_flag=True, help="Move to the newest commits: all entries, or those that are named.")
@click.option("--check", "only_checks", is_flag=True, help="Write nothing; exit code 1 where the lock would change.")
@options.manifest
@options.output(verbose=False)
@click.argument("ids", metavar="[ID]...", nargs=-1, shell_complete=options.ids)
def command(upgrade: bool, only_checks: bool, path: Path | None, shown: options.Shown, ids: Sequence[str]) -> int:
    """Write prewarm.lock without downloading models, and say what changed: commits, files, bytes, and code.

    Entries that are locked stay at their commit. With --upgrade they move to the newest one; code that would run is
    shown as a diff. With --check and without --upgrade the Hub is not asked.
    """
    from prewarm.operations.lock import lock, out_of_date
    from prewarm.operations.project import load, select

    if ids and not upgrade:
        raise click.UsageError(f"entries are named for --upgrade alone: prewarm lock --upgrade {' '.join(ids)}")
    project = load(path, environ=os.environ)
    chosen, _ = select(project.manifest, ids)
    if only_checks and not upgrade:
        found = out_of_date(project)
    else:
        with shown.observer(len(project.entries)) as observe:
            found = lock(project, observe, os.environ, upgrade=chosen if upgrade else (), writes=not only_checks)
    if not found.is_kept:
        return 1
    ok = not found.has_failed and not (only_checks and found.has_changed)
    from prewarm.formats import changes

    if shown.as_json:
        manifest = project.manifest.path
        click.echo(changes.document(found.changes, manifest=manifest, lock=project.lock_path, ok=ok))
        return int(not ok)
    for line in changes.lines(found.changes, options.paint):
        click.echo(line, err=shown.quiet)
    if not shown.quiet:
        state = "is out of date" if only_checks else "is written"
        click.echo(f"prewarm.lock {state if found.has_changed else 'is up to date'}")
        if only_checks and found.has_changed:
            click.echo(f"  try: prewarm lock{' --upgrade' if upgrade else ''}")
    return int(not ok)
