"""What a command works on: the manifest, its settings, its lock. Changes with where these come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from prewarm.flow.ready import mode_of
from prewarm.hub import variables
from prewarm.lock import file as locks
from prewarm.manifest import read as manifests
from prewarm.manifest.settings import Settings, resolve
from prewarm.records.entry import Application, Entry, Manifest, Wrapped
from prewarm.records.errors import CommandError, LockError, ManifestError
from prewarm.records.lock import Lock, LockedApplication, LockedEntry


@dataclass(frozen=True, kw_only=True)
class Project:
    """What was read before anything is done."""

    manifest: Manifest
    settings: Settings
    entries: tuple[Entry, ...]
    """Those that were asked for; all of them by default."""
    applications: tuple[Application, ...] = ()
    """As ``entries``."""
    wrapped: tuple[Wrapped, ...] = ()
    """As ``entries``."""
    lock: Lock
    lock_path: Path | None
    """None: the lock is neither read nor written."""
    is_locked: bool = False
    """Whether the lock may not change."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """The process's environment."""
    flags: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the command line, by key; None for those that were not said."""
    only: tuple[str, ...] = ()
    """The words that chose the entries; empty: all of them."""

    @property
    def total(self) -> int:
        """How many are worked on."""
        return len(self.entries) + len(self.applications) + len(self.wrapped)

    @property
    def has_whole_lock(self) -> bool:
        """Whether the lock has every entry that was asked for, and none that the manifest does not have."""
        has_all = all(locks.find(self.lock, entry) is not None for entry in self.entries)
        has_applications = all(locks.find_application(self.lock, one) is not None for one in self.applications)
        return has_all and has_applications and not self.lock.strangers


def load_or_empty(path: Path | None, environ: Mapping[str, str]) -> Project:
    """As ``load``; where there is no manifest yet, or one without entries, an empty project in its place.

    Raises:
        ManifestError, SettingsError, LockError: something is there, and wrong.
    """
    path = path or here()
    if path.exists():
        return load(path, environ=environ, may_be_empty=True)
    variables.check(environ)
    return Project(
        manifest=Manifest(path=path, entries=()),
        settings=resolve({}, environ, {}),
        entries=(),
        lock=Lock(),
        lock_path=path.parent / locks.LOCK_NAME,
        environ=environ,
    )


def here() -> Path:
    """The manifest of the working directory, whether it is there or not."""
    try:
        return manifests.find(_here())
    except ManifestError:
        return _here() / manifests.MANIFEST_NAME


def load(
    path: Path | None,
    *,
    environ: Mapping[str, str],
    flags: Mapping[str, Any] | None = None,
    only: Sequence[str] = (),
    locked: bool = False,
    no_lock: bool = False,
    may_be_empty: bool = False,
) -> Project:
    """Read manifest, settings and lock.

    Args:
        path: the manifest, or a folder; None: the one of the working directory.
        environ: the process's environment.
        flags: settings from the command line, by key.
        only: ids or names of entries; empty: all.
        locked: whether the lock has to be there and up to date.
        no_lock: whether the lock is left alone.
        may_be_empty: whether the manifest may have no entries.

    Raises:
        ManifestError, SettingsError, LockError: something in them is wrong.
    """
    variables.check(environ)
    manifest = manifests.load(path or manifests.find(_here()), may_be_empty=may_be_empty)
    settings = resolve(manifest.settings, environ, flags or {})
    entries, applications = select(manifest, only)
    lock_path = None if no_lock else manifest.path.parent / locks.LOCK_NAME
    lock = read_lock(lock_path, manifest)
    if locked:
        loaded = [entry for entry in entries if mode_of(entry, settings.proof) == "load"]
        refuse_out_of_date(lock, lock_path, entries, is_whole=not only)
        refuse_incomplete(lock, lock_path, loaded, applications if settings.proof == "load" else ())
    return Project(
        manifest=manifest,
        settings=settings,
        entries=entries,
        applications=applications,
        wrapped=tuple(one for one in manifest.wrapped if not only or one.name in only),
        lock=lock,
        lock_path=lock_path,
        is_locked=locked,
        environ=environ,
        flags=flags or {},
        only=tuple(only),
    )


def _here() -> Path:
    try:
        return Path.cwd()
    except OSError:
        raise ManifestError(
            "the working directory is gone", hint="cd to a folder that is there, or name the manifest with -m"
        ) from None


def select(manifest: Manifest, only: Sequence[str]) -> tuple[tuple[Entry, ...], tuple[Application, ...]]:
    """The entries and applications that are named, by id or name, or all.

    Raises:
        CommandError: one is not there.
    """
    for asked in only:
        known = [entry.id for entry in manifest.entries]
        known += [one.name for one in manifest.applications] + [one.name for one in manifest.wrapped]
        if asked not in (*known, *(entry.name for entry in manifest.entries)):
            raise CommandError(f"no entry is called '{asked}'", hint=f"the entries are {', '.join(known)}")
    entries = tuple(entry for entry in manifest.entries if not only or any(map(entry.is_called, only)))
    return entries, tuple(one for one in manifest.applications if not only or one.name in only)


def only_model(project: Project) -> Entry:
    """The entry that is meant: the only one, or the one that was named.

    Raises:
        CommandError: it is not clear which.
    """
    models = [entry for entry in project.entries if entry.repo_type == "model" and entry.model_class is not False]
    if len(models) != 1:
        names = ", ".join(entry.label for entry in models[:5]) or "none"
        raise CommandError(f"there are {len(models)} entries that load a model", hint=f"name one: {names}")
    return models[0]


def read_lock(path: Path | None, manifest: Manifest) -> Lock:
    """The lock, empty where there is none.

    Raises:
        LockError: it cannot be read.
    """
    return locks.load(path, manifest) if path is not None and path.exists() else Lock()


def refuse_out_of_date(lock: Lock, path: Path | None, entries: Sequence[Entry], *, is_whole: bool) -> None:
    """Raise LockError where the lock lacks one of ``entries`` as it is now, or has others where they are all."""
    for entry in entries:
        if locks.find(lock, entry) is None:
            said = "is out of date" if path is not None and path.exists() else "is missing"
            raise LockError(
                f"{path} {said}: it lacks {entry.id}",
                hint="run prewarm without --locked, and keep the lock with your code",
            )
    if is_whole and lock.strangers:
        raise LockError(
            f"{path} is out of date: it has {lock.strangers[0].entry.id}, and the manifest does not",
            hint="prewarm lock, and keep the lock with your code",
        )


def refuse_incomplete(
    lock: Lock, path: Path | None, entries: Sequence[Entry], applications: Sequence[Application]
) -> None:
    """Raise LockError where what is to be loaded was never loaded, so that nobody knows all that it asks for."""
    unknown = [
        entry.id for entry in entries if (locked := locks.find(lock, entry)) is not None and not locked.is_complete
    ]
    unknown += [one.name for one in applications if locks.find_application(lock, one) is None]
    if unknown:
        raise LockError(
            f"{path} is incomplete: what {', '.join(unknown[:3])} asks for is seen when it is first loaded",
            hint="run prewarm once without --locked, and keep the lock with your code",
        )


def merged(
    manifest: Manifest,
    lock: Lock,
    settled: Mapping[Entry, LockedEntry],
    applied: Mapping[Application, LockedApplication] = MappingProxyType({}),
) -> Lock:
    """The lock with what has been settled anew, in the manifest's order."""
    found = [settled.get(entry) or locks.find(lock, entry) for entry in manifest.entries]
    entries = Lock(
        entries=tuple(locked for locked in found if locked is not None),
        applications=(*applied.values(), *lock.applications),
    )
    ran = [locks.find_application(entries, one) for one in manifest.applications]
    return replace(entries, applications=tuple(locked for locked in ran if locked is not None))
