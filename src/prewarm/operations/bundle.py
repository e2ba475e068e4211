"""Makes a bundle of what the lock names. Changes with what is checked before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from prewarm.bundle import Told, pack
from prewarm.cache import scan
from prewarm.cache.disk import DiskCache
from prewarm.cache.place import hasher
from prewarm.hub.configuration import cache_root
from prewarm.lock import file as locks
from prewarm.manifest import read as manifests
from prewarm.operations.project import Project, load, refuse_incomplete, refuse_out_of_date
from prewarm.records.errors import BundleError, LockError
from prewarm.records.lock import LockedEntry


def bundle(path: Path | None, target: Path, told: Told, environ: Mapping[str, str]) -> None:
    """Write everything that the lock names into one file.

    Raises:
        ManifestError, SettingsError, LockError: something in them is wrong, or the lock does not have it all.
        BundleError: a file is not in the cache, or not what is locked.
    """
    project = load(path, environ=environ)
    try:
        refuse_out_of_date(project.lock, project.lock_path, project.entries, is_whole=True)
        refuse_incomplete(project.lock, project.lock_path, project.entries, project.applications)
    except LockError as error:
        raise LockError(error.message, hint="make everything ready first: prewarm") from None
    root = cache_root()
    disk = DiskCache(root)
    found = []
    for locked in all_locked(project):
        if lost := scan.missing(root, locked):
            raise BundleError(
                f"{lost[0][1].path} of {lost[0][0].repo.repo_id} is not in the cache, and {len(lost) - 1} more are not",
                hint="make everything ready first: prewarm",
            )
        found += [(repo, file, disk.content(repo, file)) for repo, file in locked.files]
    pack(target, manifest_text(project), locks.dump(project.lock), found, hasher, told)


def all_locked(project: Project) -> list[LockedEntry]:
    """What the lock has of the manifest's entries and applications."""
    found = [locks.find(project.lock, entry) for entry in project.entries]
    ran = [locks.find_application(project.lock, one) for one in project.applications]
    return [*(one for one in found if one is not None), *(one.as_entry for one in ran if one is not None)]


def manifest_text(project: Project) -> str:
    """The manifest as a file of its own, also where it is a part of ``pyproject.toml``."""
    path = project.manifest.path
    text = path.read_text(encoding="utf-8")
    if path.name != manifests.PYPROJECT_NAME:
        return text
    import tomlkit  # noqa: PLC0415 (for a manifest in pyproject.toml alone)

    return tomlkit.dumps(tomlkit.parse(text)["tool"]["prewarm"].unwrap())
