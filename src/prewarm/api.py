"""``prewarm.ensure``: what the command does, for notebooks and for the first line of an application."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from prewarm.operations import ensure as operation
from prewarm.operations import project
from prewarm.operations.project import Project
from prewarm.records.events import Observer
from prewarm.records.report import Report


def ensure(
    manifest: str | os.PathLike[str] | None = None,
    *,
    only: Sequence[str] = (),
    locked: bool = False,
    quiet: bool = False,
) -> Report:
    """Make the entries of a manifest ready, and say what was done.

    Where all of them are ready this takes milliseconds and sends nothing, so that it may stand in a script that is run
    again and again. Several threads and processes may call it at once: one does the work, the others wait for it. The
    settings are the manifest's and the environment's (``PREWARM_…``), as for the command.

    Args:
        manifest: ``prewarm.toml`` or another file; None: the one of the working directory.
        only: ids or names of entries; empty: all.
        locked: whether the lock has to be there and up to date.
        quiet: whether nothing is printed; else progress goes to standard error where there is something to do.

    Returns:
        The report; ``report.ok`` says whether every required entry is ready, ``report.raise_if_not_ready()`` raises
        where one is not.

    Raises:
        InputError: the manifest, a setting or the lock is wrong.
    """
    path = Path(manifest) if manifest is not None else None

    def load() -> Project:
        return project.load(path, environ=os.environ, only=only, locked=locked)

    return operation.ensure(load, _observer(quiet), os.environ)


def _observer(quiet: bool) -> Observer:
    if quiet:
        return lambda _: None
    from prewarm.formats.plain import PlainLines

    return PlainLines(sys.stderr)
