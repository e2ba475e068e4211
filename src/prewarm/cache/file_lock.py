"""One run at a time per blob. Changes with how huggingface_hub locks, whose lock files these are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prewarm.records.errors import Interrupted

_POLL_S = 0.1


@contextmanager
def locked(path: Path, stopped: threading.Event) -> Iterator[bool]:
    """Hold the lock at ``path``, which ``hf download`` and another prewarm take as well.

    Gives whether it is held. Where the file system has no locks, work goes on without one: two runs may fetch the same
    file then, each into a partial one of its own, and each puts a whole one in place.

    Raises:
        Interrupted: ``stopped`` was set while another run held it.
    """
    from filelock import FileLock, Timeout

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        while True:
            if stopped.is_set():
                raise Interrupted
            try:
                lock.acquire(timeout=_POLL_S, poll_interval=_POLL_S / 2)
                break
            except Timeout:
                continue
    except (OSError, NotImplementedError):
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
