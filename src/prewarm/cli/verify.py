"""``prewarm verify``. Changes with its options."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from prewarm.cli import options

if TYPE_CHECKING:
    from prewarm.operations.project import Project


@click.command("verify", epilog="Example: prewarm verify --repair")
@click.option("--repair", is_flag=True, help="Fetch what is damaged or missing, and nothing else.")
@options.project()
@options.output()
def command(repair: bool, load: Callable[[], Project], shown: options.Shown) -> int:
    """Hash every file of the lock, name each that is damaged or missing, and load every entry again, offline.

    Asks nobody for anything without --repair.
    """
    from prewarm.operations.verify import verify

    project = load()
    with shown.observer(project.total) as observe:
        report = verify(project, observe, os.environ, repairs=repair)
    shown.report(report)
    return int(not report.ok)
