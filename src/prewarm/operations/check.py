"""A check of the real cache, and what every report says of this machine. Changes with what a check looks at.

Imports little, since it is what runs before everything else: the HTTP client alone takes longer than a whole check.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from prewarm import __version__
from prewarm.cache import scan
from prewarm.cache.installed import versions_of
from prewarm.cache.memory import Memory
from prewarm.flow.check import Sight, check
from prewarm.hub import configuration
from prewarm.operations.project import Project
from prewarm.records.entry import Entry
from prewarm.records.lock import LockedEntry
from prewarm.records.plan import Fetched
from prewarm.records.report import EntryReport, Report

_NOTHING = Fetched()
_LIBRARIES = ("huggingface_hub", "transformers", "torch", "tokenizers", "safetensors")


def survey(project: Project, command: str) -> Report:
    """The state of the project's entries, from the disk alone."""
    began = time.monotonic()
    root = configuration.cache_root()
    sight = Sight(
        missing=lambda locked: scan.missing(root, locked),
        moved=lambda locked: scan.moved(root, locked),
        recall=lambda entry: _recall(entry, root),
    )
    reports = check(project.entries, project.lock, sight, memory(root), project.settings.proof)
    return report(project, command, reports, elapsed_s=time.monotonic() - began)


def memory(root: Path) -> Memory:
    """What earlier runs have found out about the entries of this cache."""
    return Memory(root, configuration.home(), own_versions())


def report(
    project: Project,
    command: str,
    entries: Sequence[EntryReport],
    *,
    fetched: Fetched = _NOTHING,
    elapsed_s: float,
    dry_run: bool = False,
) -> Report:
    """What happened, with what there is to say of this machine."""
    path = project.lock_path
    return Report(
        command=command,
        entries=tuple(entries),
        manifest=project.manifest.path,
        lock=path if path is not None and path.exists() else None,
        endpoint=configuration.endpoint(),
        cache=configuration.cache_root(),
        versions=versions(),
        fetched=fetched,
        elapsed_s=elapsed_s,
        dry_run=dry_run,
    )


def own_versions() -> Mapping[str, str]:
    """Of prewarm and Python."""
    return {"prewarm": __version__, "python": ".".join(map(str, sys.version_info[:3]))}


def versions() -> Mapping[str, str | None]:
    """The versions that a proof depends on."""
    return {**own_versions(), **versions_of(_LIBRARIES)}


def _recall(entry: Entry, root: Path) -> LockedEntry | None:
    from prewarm.cache.disk import DiskCache
    from prewarm.flow.resolve import from_cache

    recalled = from_cache(entry, DiskCache(root, threading.Event()))
    return recalled.locked if recalled is not None else None
