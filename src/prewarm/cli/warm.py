"""``prewarm warm``, and ``prewarm``. Changes with its options."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown
from prewarm.records.errors import NoManifestError

if TYPE_CHECKING:
    from prewarm.operations.project import Project


@click.command("warm", epilog="Example: prewarm --dry-run")
@click.option("--force", is_flag=True, help="Fetch again what is in the cache.")
@click.option("--prove", "prove_again", is_flag=True, help="Load again what has passed its proof before.")
@click.option("--dry-run", is_flag=True, help="Say what would be fetched, and stop.")
@options.project()
@options.output()
def command(force: bool, prove_again: bool, dry_run: bool, load: Callable[[], Project], shown: Shown) -> int:
    """Bring what the manifest's entries need into the Hugging Face cache, and load each of them offline once.

    The first run writes prewarm.lock; later ones use it, ask the Hub nothing for what is there, and load nothing that
    has passed its proof under the same versions.
    """
    from prewarm.operations.check import nothing_to_do

    try:
        project = load()
    except NoManifestError:
        from prewarm.cli.offer import offer

        if not offer(shown):
            raise
        project = load()
    if not (force or prove_again or dry_run) and (found := nothing_to_do(project, "warm", retries=True)):
        shown.untouched(found)
        return 0
    from prewarm.operations.tools import Work
    from prewarm.operations.warm import warm

    work = Work(force=force, prove_again=prove_again, dry_run=dry_run)
    with shown.observer(project.total) as observe:
        report = warm(project, observe, os.environ, work)
    shown.report(report)
    has_failed = any(entry.failure and entry.entry.required for entry in report.all)
    return int(has_failed if dry_run else not report.ok)
