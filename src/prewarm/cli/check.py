"""``prewarm check``. Changes with its options."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown

if TYPE_CHECKING:
    from prewarm.operations.project import Project


@click.command("check", epilog="Example: prewarm check --json")
@options.project("proof")
@options.output(verbose="Say as well where each stands in its life: created, fetched, verified, …")
def command(load: Callable[[], Project], shown: Shown) -> int:
    """Say for every entry whether it is missing, partial, cached or proven, or how it failed last time.

    Asks nobody and loads nothing. Exit code 0: every required entry is ready; 1: one is not.
    """
    from prewarm.operations.check import check

    report = check(load())
    shown.states(report)
    return int(not report.ok)
