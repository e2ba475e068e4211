"""Serves the cache as a Hub. Changes with what is served, and what has to be in order before."""

from __future__ import annotations

import ipaddress
import re
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from prewarm.cache import layout, scan
from prewarm.cache.disk import DiskCache
from prewarm.cache.listing import listing_of
from prewarm.hub.configuration import cache_root
from prewarm.lock import file as locks
from prewarm.mirror import Bound, Server, Shelf
from prewarm.mirror.shelf import own_file
from prewarm.operations.bundle import all_locked
from prewarm.operations.machine import memory
from prewarm.operations.project import Project, refuse_out_of_date
from prewarm.records import names
from prewarm.records.errors import CommandError, LockError, MirrorError
from prewarm.records.listing import Listed, Repo, RepoType
from prewarm.records.lock import LockedRepo
from prewarm.records.units import plural, size

_FOLDER = re.compile(r"(model|dataset)s--(.+)")
_TOKEN_MIN = 8
_LOOK_S = 0.2


_MAKE_ONE = "export MIRROR_TOKEN=$(openssl rand -hex 16), and --token-env MIRROR_TOKEN"


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A mirror that is about to answer."""

    server: Server
    said: tuple[str, ...]
    """What people should know, a line each."""


def token_of(variable: str | None, environ: Mapping[str, str]) -> str | None:
    """The token that clients have to show.

    Raises:
        CommandError: the variable holds none.
    """
    if variable is None:
        return None
    if not variable or variable not in environ:
        raise CommandError(f"--token-env: there is no variable {variable or '(nothing)'}", hint=_MAKE_ONE)
    token = environ[variable].strip()
    if len(token) < _TOKEN_MIN or not token.isascii() or not token.isprintable():
        raise CommandError(
            f"--token-env: {variable} holds no token of at least {_TOKEN_MIN} plain characters",
            hint=_MAKE_ONE,
        )
    return token


def open_mirror(project: Project | None, bound: Bound, log: Callable[[str], None], environ: Mapping[str, str]) -> Ready:
    """Bring together what is served, and listen.

    Args:
        project: what is served; None: all that the cache has.
        bound: where, and for whom.
        log: is told every answer.
        environ: the process's environment.

    Raises:
        CommandError: the host is none.
        MirrorError: something that is to be served is not in the cache, or nobody can listen there.
        LockError: the lock lacks something.
    """
    if not bound.host.strip():
        raise CommandError("--host is empty", hint="--host 127.0.0.1; 0.0.0.0: from everywhere")
    root = cache_root()
    disk = DiskCache(root)
    remembered = memory(root, environ)
    locked, notes = _all_of(root, remembered.listed) if project is None else _of_the_lock(project, root)
    shelf = Shelf(locked, disk.content, listed=remembered.listed, root=root)
    files = list(shelf.files())
    if not files:
        raise MirrorError(f"there is nothing to serve in {root}", hint="make it ready first: prewarm")
    server = Server(shelf, bound, log)
    repositories = len(shelf.ids("model")) + len(shelf.ids("dataset"))
    total = size(sum(file.size for _, file in files))
    said = [
        *notes,
        f"{plural(repositories, 'repository')}, {plural(len(files), 'file')}, {total}: read-only at {server.url}",
    ]
    said.append(f"use it: export HF_ENDPOINT={server.url}" + (" HF_TOKEN=…" if bound.token else ""))
    if not _is_loopback(bound.host) and bound.token is None:
        said.append("whoever reaches this machine can read all of it: --token-env asks for a token")
    if not _is_loopback(bound.host) and bound.token is not None and bound.certificate is None:
        said.append("the token comes over the line as it is: --tls-cert and --tls-key hide it")
    return Ready(server=server, said=tuple(said))


def serve(ready: Ready, say: Callable[[str], None]) -> None:
    """Answer until somebody says stop; answers that are under way are finished then, unless it is said once more."""
    ready.server.start()
    hurried = threading.Event()
    try:
        # An interrupt comes through between two of these.
        while not hurried.wait(_LOOK_S):
            pass
    except KeyboardInterrupt:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: hurried.set())
    if busy := ready.server.counts.busy:
        say(f"finishing {plural(busy, 'answer')}; once more ends them at once")
    if cut := ready.server.end(hurried.is_set):
        say(f"{plural(cut, 'answer')} cut")


def _of_the_lock(project: Project, root: Path) -> tuple[list[LockedRepo], list[str]]:
    try:
        required = [entry for entry in project.entries if entry.required]
        refuse_out_of_date(project.lock, project.lock_path, required, is_whole=False)
    except LockError as error:
        raise LockError(error.message, hint="make everything ready first: prewarm") from None
    found: list[LockedRepo] = []
    notes = [
        f"{entry.label} is not served: it is not required, and not in the lock"
        for entry in project.entries
        if locks.find(project.lock, entry) is None
    ]
    for locked in all_locked(project):
        lost = scan.missing(root, locked)
        if lost and locked.entry.required:
            raise MirrorError(
                f"{locked.entry.label} is not whole in {root}: it lacks {lost[0][1].path}"
                + (f", and {len(lost) - 1} more" if len(lost) > 1 else ""),
                hint="make it ready first: prewarm",
            )
        if lost:
            notes.append(f"{locked.entry.label} is not served: it is not required, and not whole in the cache")
            continue
        found += locked.repos
    return found, notes


def _all_of(root: Path, listed: Callable[[LockedRepo], Listed | None]) -> tuple[list[LockedRepo], list[str]]:
    found: list[LockedRepo] = []
    notes: list[str] = []
    for repo in _repositories(root, notes):
        listing = listing_of(root, repo)
        if listing is None:
            notes.append(f"{repo.repo_id} at {repo.revision} is not served: not all of it can be read")
            continue
        locked = LockedRepo(repo=repo, commit=listing.commit, files=listing.files)
        own = tuple(
            file
            for file in listing.files
            if own_file(root, repo, layout.pointer(root, repo, listing.commit, file.path)) is not None
        )
        locked = replace(locked, files=own)
        whole = listed(locked)
        if whole is not None:
            # What was cut short on this disk is promised to nobody.
            right = tuple(file for file in own if whole.files.get(file.path, file.size) == file.size)
            locked = replace(locked, files=right)
            if len(right) < len(whole.files) and repo.revision != listing.commit:
                notes.append(f"{repo.repo_id} is served in part: {len(right)} of {len(whole.files)} files are here")
        found.append(locked)
    return found, notes


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _repositories(root: Path, notes: list[str]) -> Iterator[Repo]:
    """Every repository at every revision and every commit that the cache has something of; ``notes`` says of others."""
    for folder in sorted(root.iterdir()) if root.is_dir() else []:
        match = _FOLDER.fullmatch(folder.name)
        if match is None:
            continue
        repo_type: RepoType = "dataset" if match[1] == "dataset" else "model"
        repo_id = match[2].replace("--", "/")
        try:
            revisions = list(_revisions(folder))
        except OSError as error:
            notes.append(f"{repo_id} is not served: {error.strerror}")
            continue
        if not names.is_repo_id(repo_id):
            notes.append(f"{folder.name} is not served: it is called like no repository")
            continue
        yield from (Repo(repo_id=repo_id, revision=revision, repo_type=repo_type) for revision in revisions)


def _revisions(folder: Path) -> Iterable[str]:
    refs = folder / "refs"
    yield from sorted(path.relative_to(refs).as_posix() for path in refs.rglob("*") if path.is_file())
    snapshots = folder / "snapshots"
    yield from sorted(path.name for path in snapshots.iterdir()) if snapshots.is_dir() else []
