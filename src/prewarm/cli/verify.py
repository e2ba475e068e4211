"""``prewarm verify``: hashes and proves everything again. Changes with its options."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from prewarm.cli import options


@click.command("verify", short_help="Hash every file and load every entry again, offline.")
@options.manifest
@options.only
@click.option("--repair", is_flag=True, help="Fetch what is damaged or missing, and nothing else.")
@options.locked
@options.no_lock
@options.settings
@options.as_json
@options.quiet
@options.verbose
def command(
    path: Path | None,
    only: Sequence[str],
    repair: bool,
    locked: bool,
    no_lock: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **flags: str | None,
) -> int:
    """Hash every file of the lock, name each that is damaged or missing, and load every entry again, offline.

    Asks nobody for anything without --repair.
    """
    from prewarm.operations.project import load
    from prewarm.operations.verify import make_sure

    options.refuse_both(locked, no_lock)
    project = load(path, environ=os.environ, flags=flags, only=only, locked=locked, no_lock=no_lock)
    with options.observer(len(project.entries), quiet=quiet, verbose=verbose) as observe:
        report = make_sure(project, observe, os.environ, repairs=repair)
    options.show(report, as_json=as_json, quiet=quiet, verbose=verbose)
    return int(not report.ok)
