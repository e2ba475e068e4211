"""``prewarm.ensure``: what the command does, for notebooks and for the first line of an application."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from prewarm.flow.ready import has_to_be_tried
from prewarm.hub import configuration
from prewarm.operations.check import survey
from prewarm.operations.project import Project, load
from prewarm.records.events import Observer
from prewarm.records.report import Report

_locks: dict[Path, threading.Lock] = {}


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
    project = _load(path, only, locked)
    if (found := _ready(project)) is not None:
        return found
    with _alone(project.manifest.path.resolve()):
        # Read once more: the one who was at it may have made all ready, and written the lock.
        project = _load(path, only, locked)
        if (found := _ready(project)) is not None:
            return found
        from prewarm.operations.tools import make_ready

        return make_ready(project, _observer(quiet), os.environ, command="ensure")


def _ready(project: Project) -> Report | None:
    if not project.has_whole_lock:
        return None
    found = survey(project, "ensure")
    return None if any(map(has_to_be_tried, found.entries)) else found


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One thread of one process at a time for a manifest."""
    from prewarm.cache.file_lock import locked

    name = hashlib.sha256(str(path).encode()).hexdigest()[:32]
    with (
        _locks.setdefault(path, threading.Lock()),
        locked(configuration.home() / "prewarm" / f"ensure-{name}.lock", threading.Event()),
    ):
        yield


def _load(path: Path | None, only: Sequence[str], locked: bool) -> Project:
    return load(path, environ=os.environ, only=only, locked=locked)


def _observer(quiet: bool) -> Observer:
    if quiet:
        return lambda _: None
    from prewarm.formats.plain import PlainLines

    return PlainLines(sys.stderr)
