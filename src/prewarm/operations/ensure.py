"""Everything ready, by one of the threads and processes that want it at once. Changes with who waits for whom."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from prewarm.flow.stop import Stop
from prewarm.hub import configuration
from prewarm.operations.check import nothing_to_do
from prewarm.operations.project import Project
from prewarm.records.events import Notice, Observer
from prewarm.records.report import Report
from prewarm.records.units import duration

_locks: dict[Path, threading.Lock] = {}


def ensure(load: Callable[[], Project], observe: Observer, environ: Mapping[str, str]) -> Report:
    """Make what is not ready ready; in milliseconds, and without a request, where everything is.

    Args:
        load: reads the project; once more after another has been waited for, who may have written the lock.
        observe: is told of the progress.
        environ: the process's environment.
    """
    project = load()
    if (found := nothing_to_do(project, "ensure", retries=False)) is not None:
        return found
    with _alone(project.manifest.path.resolve(), observe, project.settings.lock_wait_s):
        project = load()
        if (found := nothing_to_do(project, "ensure", retries=False)) is not None:
            return found
        from prewarm.operations.warm import warm

        return warm(project, observe, environ, command="ensure")


@contextmanager
def _alone(path: Path, observe: Observer, limit_s: float) -> Iterator[None]:
    """One thread of one process at a time for a manifest.

    Raises:
        CacheError: another one is at it for too long.
    """
    from prewarm.cache.file_lock import locked
    from prewarm.cache.stored import key_of

    def awaited(holder: str, waited_s: float) -> None:
        so_far = f", for {duration(waited_s)} so far" if waited_s >= 1 else ""
        observe(Notice(text=f"waiting for {holder or 'another process'}, which makes {path.name} ready{so_far}"))

    lock = configuration.home() / "prewarm" / f"ensure-{key_of(path)}.lock"
    with _locks.setdefault(path, threading.Lock()), locked(lock, Stop(), awaited, limit_s=limit_s):
        yield
