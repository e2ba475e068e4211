"""``prewarm lock``. Changes with its options."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown, paint

if TYPE_CHECKING:
    from prewarm.records.sample import UpgradeTried


@click.command("lock", epilog="Example: prewarm lock --upgrade")
@click.option("--upgrade", is_flag=True, help="Move to the newest commits: all entries, or those that are named.")
@click.option("--try", "tries", is_flag=True, help="With --upgrade: ask the samples at both commits before.")
@click.option("--check", "only_checks", is_flag=True, help="Write nothing; exit code 1 where the lock would change.")
@options.manifest
@options.output(verbose=False)
@click.argument("ids", metavar="[ID]...", nargs=-1, shell_complete=options.ids)
def command(upgrade: bool, tries: bool, only_checks: bool, path: Path | None, shown: Shown, ids: Sequence[str]) -> int:
    """Write prewarm.lock without downloading models, and say what changed: commits, files, bytes, and code.

    Entries that are locked stay at their commit. With --upgrade they move to the newest one; code that would run is
    shown as a diff. With --try, what the samples answer at either commit is shown before, and nothing is written where
    one is worse. With --check and without --upgrade the Hub is not asked.
    """
    from prewarm.operations.lock import lock, out_of_date, write
    from prewarm.operations.project import load, select

    if ids and not upgrade:
        raise click.UsageError(f"entries are named for --upgrade alone: prewarm lock --upgrade {' '.join(ids)}")
    if tries and not upgrade:
        raise click.UsageError("--try compares the commits that --upgrade moves between: prewarm lock --upgrade --try")
    project = load(path, environ=os.environ)
    tried: tuple[UpgradeTried, ...] = ()
    chosen, _ = select(project.manifest, ids)
    if only_checks and not upgrade:
        found = out_of_date(project)
    else:
        with shown.observer(len(project.entries)) as observe:
            writes = not only_checks and not tries
            found = lock(project, observe, os.environ, upgrade=chosen if upgrade else (), writes=writes)
            if tries:
                from prewarm.operations.upgrading import try_upgrades

                tried = try_upgrades(project, found.changes, observe, os.environ)
    is_worse = any(one.is_worse for one in tried)
    if not found.is_kept:
        return 1
    ok = not found.has_failed and not (only_checks and found.has_changed) and not is_worse
    from prewarm.formats import changes, upgrade_tried

    if shown.as_json:
        manifest = project.manifest.path
        click.echo(changes.document(found.changes, manifest=manifest, lock=project.lock_path, ok=ok, tried=tried))
    else:
        for line in (*changes.lines(found.changes, paint), *upgrade_tried.lines(tried, paint)):
            click.echo(line, err=shown.quiet)
    # Whoever reads has seen by now what changes.
    if tries and not only_checks and not is_worse:
        with shown.observer(len(project.entries)) as observe:
            found = write(project, found, observe)
    if not found.is_kept:
        return 1
    if not shown.quiet and not shown.as_json:
        state = "is out of date" if only_checks else "is as it was" if is_worse else "is written"
        click.echo(f"prewarm.lock {state if found.has_changed else 'is up to date'}")
        if only_checks and found.has_changed:
            click.echo(f"  try: prewarm lock{' --upgrade' if upgrade else ''}")
        elif is_worse:
            click.echo("  try: mend the samples that are worse; or take it as it is: prewarm lock --upgrade")
    return int(not ok)
