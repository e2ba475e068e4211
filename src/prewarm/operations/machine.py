"""What reports say of this machine, and what it remembers of earlier runs. Changes with what every report tells.

Imports little: it is what a check needs, and the HTTP client alone takes longer to import than a whole check.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from prewarm import __version__
from prewarm.cache.installed import versions_of
from prewarm.cache.memory import Memory
from prewarm.hub import configuration
from prewarm.operations.project import Project
from prewarm.records.plan import Fetched
from prewarm.records.report import ApplicationReport, EntryReport, Report, WrappedReport
from prewarm.records.units import plural

_NOTHING = Fetched()
_LIBRARIES = ("huggingface_hub", "transformers", "torch", "tokenizers", "safetensors")


def memory(root: Path, environ: Mapping[str, str]) -> Memory:
    """What earlier runs have found out about the entries of this cache; ``environ`` is the process's environment."""
    return Memory(root, configuration.home(), own_versions(), environ)


def report(
    project: Project,
    command: str,
    entries: Sequence[EntryReport],
    *,
    applications: Sequence[ApplicationReport] = (),
    wrapped: Sequence[WrappedReport] = (),
    fetched: Fetched = _NOTHING,
    elapsed_s: float,
    dry_run: bool = False,
) -> Report:
    """What happened, with what there is to say of this machine."""
    path = project.lock_path
    root = configuration.cache_root()
    remembered = memory(root, project.environ)
    return Report(
        command=command,
        entries=tuple(replace(one, vulnerable=remembered.vulnerable(one.entry, one.commit)) for one in entries),
        applications=tuple(applications),
        wrapped=tuple(wrapped),
        manifest=project.manifest.path,
        lock=path if path is not None and path.exists() else None,
        endpoint=configuration.endpoint(),
        cache=root,
        versions={**own_versions(), **versions_of(_LIBRARIES)},
        fetched=fetched,
        elapsed_s=elapsed_s,
        dry_run=dry_run,
    )


def machine() -> str:
    """What figures were measured on, in words."""
    return f"{platform.system()} {platform.machine()}, {plural(os.cpu_count() or 1, 'processor')}"


def own_versions() -> Mapping[str, str]:
    """Of prewarm and Python."""
    return {"prewarm": __version__, "python": ".".join(map(str, sys.version_info[:3]))}
