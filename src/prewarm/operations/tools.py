"""Puts the flow together with the real Hub, cache and worker. Changes with what the flow needs of the outside."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace

from prewarm.cache.disk import DiskCache
from prewarm.cache.place import write_text
from prewarm.cache.preview import Preview
from prewarm.flow.account import Options, Tools
from prewarm.flow.outcome import Warmed
from prewarm.flow.warm import warm
from prewarm.hub import configuration, session
from prewarm.hub.client import Client
from prewarm.hub.offline import Nobody
from prewarm.lock import file as locks
from prewarm.operations.check import memory, report
from prewarm.operations.project import Project, merged
from prewarm.operations.rehash import rehash, remove
from prewarm.proof.runner import Runner
from prewarm.records.entry import Entry
from prewarm.records.events import Notice, Observer
from prewarm.records.lock import Lock
from prewarm.records.plan import Fetched
from prewarm.records.report import Report


@dataclass(frozen=True, kw_only=True)
class Work:
    """How the flow is to run."""

    force: bool = False
    """Fetch again what is there."""
    dry_run: bool = False
    """Write nothing, and stop after the plan."""
    prove_again: bool = False
    """Load also what has passed before."""
    asks_nobody: bool = False
    """No request may be sent."""


ORDINARY = Work()


@contextmanager
def tools(
    project: Project, observe: Observer, environ: Mapping[str, str], work: Work = ORDINARY, *, kept: Lock | None = None
) -> Iterator[Tools]:
    """What the flow works with; all of it is stopped at the end. ``kept`` is what stays locked, all by default."""
    stopped = threading.Event()
    root = configuration.cache_root()
    settings = project.settings
    client = None
    if not work.asks_nobody:
        client = Client(
            workers=settings.workers,
            max_wait_s=settings.max_wait_s,
            observe=observe,
            transfer=settings.transfer,
        )
    disk = DiskCache(root, stopped, forgets=work.force)
    prover = Runner(environ=environ, token=session.token(), cache=root, timeout_s=settings.proof_timeout_s)
    try:
        governing = client.governing() if client else nullcontext()
        with governing, ThreadPoolExecutor(settings.workers, thread_name_prefix="file") as files:
            try:
                yield Tools(
                    hub=client or Nobody(configuration.endpoint()),
                    cache=Preview(disk) if work.dry_run else disk,
                    prover=prover,
                    memory=memory(root),
                    observe=observe,
                    clock=time.monotonic,
                    files=files,
                    pins=locks.pins(project.lock if kept is None else kept),
                )
            except BaseException:
                stopped.set()
                raise
    finally:
        prover.stop()


def make_ready(
    project: Project, observe: Observer, environ: Mapping[str, str], work: Work = ORDINARY, *, command: str = "warm"
) -> Report:
    """Warm the project's entries, and keep the lock.

    Raises:
        Interrupted: the user said stop.
    """
    began = time.monotonic()
    if not work.dry_run:
        _take_away_damaged(project, observe)
    warmed, waited_s = run(project, project.entries, observe, environ, work)
    if not work.dry_run:
        keep_lock(project, warmed, observe)
    spent = sum((one.report.fetched for one in warmed), Fetched())
    return report(
        project,
        command,
        [one.report for one in warmed],
        fetched=replace(spent, waited_s=waited_s),
        elapsed_s=time.monotonic() - began,
        dry_run=work.dry_run,
    )


def _take_away_damaged(project: Project, observe: Observer) -> None:
    # What a verify found is not forgotten because the sizes are right.
    root = configuration.cache_root()
    remembered = memory(root)
    suspects = []
    for entry in project.entries:
        locked = locks.find(project.lock, entry)
        failure = remembered.failure(entry, locked)
        if locked is not None and failure is not None and failure.kind == "corrupt":
            suspects.append(locked)
    if suspects:
        disk = DiskCache(root, threading.Event())
        for verified in rehash(suspects, disk, observe).values():
            remove(verified, disk)


def run(
    project: Project, entries: Sequence[Entry], observe: Observer, environ: Mapping[str, str], work: Work
) -> tuple[list[Warmed], float]:
    """Warm some entries; gives what became of them, and the seconds that limits were waited for."""
    options = Options(proof=project.settings.proof, dry_run=work.dry_run, prove_again=work.prove_again)
    with tools(project, observe, environ, work) as using:
        return warm(entries, project.lock, using, options), using.hub.waited_s


def keep_lock(project: Project, warmed: Collection[Warmed], observe: Observer) -> None:
    """Write what has been settled anew into the lock, where there is one to write."""
    settled = {one.report.entry: one.locked for one in warmed if one.locked is not None}
    if settled or project.lock.strangers:
        write_lock(project, merged(project.manifest, project.lock, settled), observe)


def write_lock(project: Project, lock: Lock, observe: Observer) -> bool:
    """Write the lock where it has changed; gives whether it says ``lock`` now, and tells why it does not."""
    path = project.lock_path
    if path is None:
        return False
    text = locks.dump(lock)
    try:
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return True
        if project.is_locked:
            said = (
                "would change, as its entries open more files than it names, and --locked keeps it: run prewarm without"
            )
            observe(Notice(text=f"{path.name} {said}"))
            return False
        write_text(path, text)
    except OSError as error:
        observe(Notice(text=f"{path.name} cannot be written ({error.strerror}): this run goes on without it"))
        return False
    return True
