"""``prewarm.ensure``: what the command does, for notebooks and for the first line of an application; ``open_entry``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from prewarm.operations import ensure as operation
from prewarm.operations import project
from prewarm.operations.project import Project
from prewarm.records.events import Observer
from prewarm.records.report import Report

if TYPE_CHECKING:
    from prewarm.operations.opened import OpenedEntry


def ensure(
    manifest: str | os.PathLike[str] | None = None,
    *,
    only: Sequence[str] = (),
    locked: bool = False,
    quiet: bool = False,
    offline: bool = False,
) -> Report:
    """Make the entries of a manifest ready, and say what was done.

    Where all of them are ready this takes a fraction of a second and sends nothing, so that it may stand in a script
    that is run again and again. Several threads and processes may call it at once: one does the work, the others wait
    for it. The settings are the manifest's and the environment's (``PREWARM_…``), as for the command.

    Args:
        manifest: ``prewarm.toml`` or another file; None: the one of the working directory.
        only: ids or names of entries; empty: all.
        locked: whether the lock has to be there and up to date.
        quiet: whether nothing is printed; else progress goes to standard error where there is something to do.
        offline: whether Hugging Face's libraries in this process are offline from then on, as under ``prewarm run``;
            libraries with a switch of their own, such as datasets, where they are imported later.

    Returns:
        The report; ``report.ok`` says whether every required entry is ready, ``report.raise_if_not_ready()`` raises
        where one is not.

    Raises:
        InputError: the manifest, a setting or the lock is wrong.
    """
    path = Path(manifest) if manifest is not None else None

    def load() -> Project:
        return project.load(path, environ=os.environ, only=only, locked=locked)

    report = operation.ensure(load, _observer(quiet), os.environ)
    if offline:
        from prewarm.hub.offline import from_now_on

        from_now_on(os.environ)
    return report


def open_entry(name: str, manifest: str | os.PathLike[str] | None = None) -> OpenedEntry:
    """Load an entry that is in the cache into this process, by the classes and keywords of the manifest.

    It is loaded as an application would, and not confined. Nobody is asked where ``HF_HUB_OFFLINE=1`` is set, as
    ``prewarm run`` does.

    Args:
        name: of the entry, or its id.
        manifest: ``prewarm.toml`` or another file; None: the one of the working directory.

    Returns:
        What answers: ``answer(questions)``, and ``annotate(items)`` for prompt items.

    Raises:
        InputError: the manifest is wrong, or has no such entry.
        EntryError: the entry is not in the cache, or does not load.
    """
    from prewarm.operations import opened

    path = Path(manifest) if manifest is not None else None
    read = project.load(path, environ=os.environ, only=[name])
    entry = project.only_model(read)
    request, _ = opened.request_for(entry, read, lambda _: None, os.environ)
    return opened.OpenedEntry(entry=entry, loaded=opened.load(request))


def _observer(quiet: bool) -> Observer:
    if quiet:
        return lambda _: None
    from prewarm.formats.plain import PlainLines

    return PlainLines(sys.stderr)
