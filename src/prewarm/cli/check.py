"""``prewarm check``: what is ready, from the disk alone. Changes with its options."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from prewarm.cli import options


@click.command("check", short_help="Say what is ready, from the disk alone.")
@options.manifest
@options.only
@options.locked
@options.no_lock
@click.option("--proof", metavar="MODE", help="load (default): ready is what has been proven; files: what is there.")
@options.as_json
@options.quiet
def command(
    path: Path | None,
    only: Sequence[str],
    locked: bool,
    no_lock: bool,
    proof: str | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Say for every entry whether it is missing, partial, cached or proven, or how it failed last time.

    Asks nobody and loads nothing. Exit code 0: every required entry is ready; 1: one is not.
    """
    from prewarm.operations.check import survey
    from prewarm.operations.project import load

    options.refuse_both(locked, no_lock)
    project = load(path, environ=os.environ, flags={"proof": proof}, only=only, locked=locked, no_lock=no_lock)
    report = survey(project, "check")
    options.show_states(report, as_json=as_json, quiet=quiet)
    return int(not report.ok)
