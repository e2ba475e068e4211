"""``prewarm verify``. Changes with its options."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown

if TYPE_CHECKING:
    from prewarm.operations.project import Project
    from prewarm.records.entry import Entry
    from prewarm.records.events import Observer
    from prewarm.records.sample import Sample, TryReport


@click.command("verify", epilog="Example: prewarm verify --repair")
@click.option("--repair", is_flag=True, help="Fetch what is damaged or missing, and nothing else.")
@click.option("--try", "tries", is_flag=True, help="Ask the samples of the manifest as well.")
@options.project()
@options.output()
def command(repair: bool, tries: bool, load: Callable[[], Project], shown: Shown) -> int:
    """Hash every file of the lock, name each that is damaged or missing, and load every entry again, offline.

    Asks nobody for anything without --repair.
    """
    from prewarm.operations.verify import verify

    project = load()
    wanted = _samples(project) if tries else None
    with shown.observer(project.total) as observe:
        report = verify(project, observe, os.environ, repairs=repair)
        tried = _tried(project, wanted, observe) if wanted is not None else None
    if tried is None:
        shown.report(report)
        return int(not report.ok)
    shown.verified(report, tried)
    return int(not (report.ok and tried.ok))


def _samples(project: Project) -> Mapping[Entry, Sequence[Sample]]:
    from prewarm.operations.trying import chosen

    return chosen(project, is_named=False)


def _tried(project: Project, wanted: Mapping[Entry, Sequence[Sample]], observe: Observer) -> TryReport:
    from prewarm.operations.trying import try_samples

    return try_samples(project, wanted, observe, os.environ)
