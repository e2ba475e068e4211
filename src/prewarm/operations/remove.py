"""Entries out of manifest and lock. Changes with what is said of what they leave behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prewarm.cache import layout
from prewarm.hub.configuration import cache_root
from prewarm.lock import file as locks
from prewarm.manifest import read as manifests
from prewarm.operations.lock_file import write_lock
from prewarm.operations.manifest_file import ManifestFile
from prewarm.operations.project import load, merged, read_lock, select
from prewarm.records.events import Observer
from prewarm.records.listing import Repo


@dataclass(frozen=True, kw_only=True)
class Removed:
    """What was taken out."""

    manifest: Path
    ids: tuple[str, ...]
    unneeded: tuple[tuple[Repo, int], ...]
    """Repositories in the cache that no entry needs any more, with their bytes there."""


def remove(path: Path | None, asked: Sequence[str], observe: Observer, environ: Mapping[str, str]) -> Removed:
    """Take entries out, and say what of the cache nobody needs any more.

    Args:
        path: the manifest; None: the one of the working directory.
        asked: ids or names.
        observe: is told where the lock cannot be written.
        environ: the process's environment.

    Raises:
        CommandError: one is not there.
        ManifestError, LockError: something is wrong with them.
    """
    project = load(path, environ=environ)
    gone, _ = select(project.manifest, asked)
    file = ManifestFile(project.manifest.path)
    file.remove(asked)
    file.write()
    manifest = manifests.load(project.manifest.path, may_be_empty=True)
    before = {repo.repo for locked in project.lock.entries for repo in locked.repos}
    left = merged(manifest, read_lock(project.lock_path, manifest), {})
    if project.lock_path is not None and project.lock_path.exists():
        write_lock(project, left, observe)
    kept = {repo.repo_id for repo in locks.pins(left)} | {entry.id for entry in manifest.entries}
    lost = before | {entry.repo for entry in gone}
    return Removed(
        manifest=file.path,
        ids=tuple(entry.id for entry in gone),
        unneeded=tuple(
            (repo, size) for repo in sorted(lost) if repo.repo_id not in kept and (size := _bytes_of(repo)) > 0
        ),
    )


def _bytes_of(repo: Repo) -> int:
    folder = layout.repo_folder(cache_root(), repo) / "blobs"
    try:
        return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    except OSError:
        return 0
