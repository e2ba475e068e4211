"""Takes a bundle into the cache. Changes with what is done on the way."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from prewarm.bundle import Bundle, Told, members
from prewarm.bundle.unpack import Read
from prewarm.cache.place import write_text
from prewarm.flow.account import Tools
from prewarm.flow.show import show
from prewarm.flow.unsafe import without_unsafe
from prewarm.lock import file as locks
from prewarm.operations.bundle import all_locked
from prewarm.operations.project import load
from prewarm.operations.tools import Work, tools
from prewarm.records.errors import BundleError, CacheError, EntryError, InputError
from prewarm.records.events import Observer
from prewarm.records.listing import RepoFile
from prewarm.records.lock import LockedEntry, LockedRepo
from prewarm.worker.temporary import OwnFolder


@dataclass(frozen=True, kw_only=True)
class Unbundled:
    """What came of a bundle."""

    entries: int
    files: int
    bytes: int
    """Of these, what was not in the cache before."""
    written: tuple[Path, ...]
    """Manifest and lock, where there were none."""
    kept: tuple[Path, ...]
    """Those that are there and differ."""
    failed: Mapping[str, EntryError]
    """Entries whose files may not be shown, and why."""


def unbundle(source: Path, folder: Path, told: Told, observe: Observer, environ: Mapping[str, str]) -> Unbundled:
    """Take a bundle into the cache; every hash is compared before a content gets a name.

    Args:
        source: the bundle.
        folder: for manifest and lock, where there are none.
        told: is told of every file.
        observe: is told of the rest.
        environ: the process's environment.

    Raises:
        BundleError: it is no bundle, or damaged: what came before that is in the cache, whole, and is not shown.
        CacheError: the cache cannot be written.
    """
    with Bundle(source) as opened, OwnFolder("bundle") as own:
        (own / members.MANIFEST).write_text(opened.manifest, encoding="utf-8")
        (own / locks.LOCK_NAME).write_text(opened.lock, encoding="utf-8")
        try:
            project = load(own / members.MANIFEST, environ=environ)
        except InputError as error:
            raise BundleError(f"{source} has a manifest or a lock that cannot be read: {error}") from None
        with tools(project, observe, environ, Work(asks_nobody=True)) as using:
            entries = all_locked(project)
            wanted = _wanted(entries)
            missing = [pair for pairs in wanted.values() for pair in pairs if not using.cache.has(*pair)]
            using.cache.reserve(missing)
            sizes = {member: pairs[0][1].size for member, pairs in wanted.items()}
            brought = 0
            for member, read in opened.contents(sizes):
                lacking = [pair for pair in wanted[member] if not using.cache.has(*pair)]
                if lacking:
                    _take(lacking, read, using, source)
                    brought += sizes[member]
                told(wanted[member][0][1].path, sizes[member])
            failed: dict[str, EntryError] = {}
            for locked in entries:
                try:
                    safe, _ = without_unsafe(locked, using)
                    show(safe, using)
                except EntryError as error:
                    failed[locked.entry.id] = error
    written, kept = _write(folder, {members.MANIFEST: opened.manifest, locks.LOCK_NAME: opened.lock})
    return Unbundled(
        entries=len(entries), files=sum(map(len, wanted.values())), bytes=brought, written=written, kept=kept,
        failed=MappingProxyType(failed),
    )  # fmt: skip


def _take(pairs: list[tuple[LockedRepo, RepoFile]], read: Read, using: Tools, source: Path) -> None:
    with contextlib.ExitStack() as stack:
        sinks = [
            sink
            for repo, file in pairs
            if (sink := stack.enter_context(using.cache.receive(repo, file, using.stop, lambda *_: None))) is not None
        ]
        at = 0
        for piece in read():
            using.stop.check()
            for sink in sinks:
                sink.write(at, piece)
            at += len(piece)
        try:
            for sink in sinks:
                sink.finish()
        except CacheError as error:
            if error.kind != "corrupt":
                raise
            for sink in sinks:
                sink.void()
            raise BundleError(
                f"{source} is damaged: {pairs[0][1].path} is not what its lock says",
                hint="copy it again, or make it anew with: prewarm bundle",
            ) from None


def _wanted(entries: list[LockedEntry]) -> dict[str, list[tuple[LockedRepo, RepoFile]]]:
    """Each member, and the files whose content it is: one content is in a bundle once."""
    by_digest: dict[object, dict[tuple[object, str], tuple[LockedRepo, RepoFile]]] = defaultdict(dict)
    for locked in entries:
        for repo, file in locked.files:
            by_digest[file.digest].setdefault((repo.repo, file.path), (repo, file))
    return {
        min(members.blob(repo.repo, file) for repo, file in pairs.values()): list(pairs.values())
        for pairs in by_digest.values()
    }


def _write(folder: Path, texts: Mapping[str, str]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    written, kept = [], []
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        path = folder / name
        if not path.exists():
            write_text(path, text)
            written.append(path)
        elif path.read_text(encoding="utf-8", errors="replace") != text:
            kept.append(path)
    return tuple(written), tuple(kept)
