"""``prewarm warm``: makes every entry ready. Changes with its options."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from prewarm.cli import options
from prewarm.operations.check import survey
from prewarm.operations.project import load


@click.command("warm", short_help="Make every entry of the manifest ready.")
@options.manifest
@options.only
@click.option("--force", is_flag=True, help="Fetch again what is in the cache.")
@click.option("--prove", "prove_again", is_flag=True, help="Load again what has passed its proof before.")
@click.option("--dry-run", is_flag=True, help="Say what would be fetched, and stop.")
@options.locked
@options.no_lock
@options.settings
@options.as_json
@options.quiet
@options.verbose
def command(
    path: Path | None,
    only: Sequence[str],
    force: bool,
    prove_again: bool,
    dry_run: bool,
    locked: bool,
    no_lock: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **flags: str | None,
) -> int:
    """Bring what the manifest's entries need into the Hugging Face cache, and load each of them offline once.

    The first run writes prewarm.lock; later ones use it, ask the Hub nothing for what is there, and load nothing that
    has passed its proof under the same versions.
    """
    options.refuse_both(locked, no_lock)
    project = load(path, environ=os.environ, flags=flags, only=only, locked=locked, no_lock=no_lock)
    # Without a lock the Hub has to say what a revision means now.
    if project.has_whole_lock and not (force or prove_again or dry_run):
        found = survey(project, "warm")
        if all(entry.ready for entry in found.entries):
            options.show_untouched(found, as_json=as_json, quiet=quiet, verbose=verbose)
            return 0
    from prewarm.operations.tools import Work, make_ready

    work = Work(force=force, prove_again=prove_again, dry_run=dry_run)
    with options.observer(len(project.entries), quiet=quiet, verbose=verbose) as observe:
        report = make_ready(project, observe, os.environ, work)
    options.show(report, as_json=as_json, quiet=quiet, verbose=verbose)
    has_failed = any(entry.failure and entry.entry.required for entry in report.entries)
    return int(has_failed if dry_run else not report.ok)
