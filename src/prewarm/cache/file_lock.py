"""One run at a time per blob. Changes with how huggingface_hub locks, whose lock files these are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prewarm.flow.stop import Stop

_POLL_S = 0.1


@contextmanager
def locked(path: Path, stop: Stop, awaited: Callable[[], None] = lambda: None) -> Iterator[bool]:
    """Hold the lock at ``path``, which ``hf download`` and another prewarm take as well.

    Gives whether it is held. Where the file system has no locks, work goes on without one: two runs may fetch the same
    file then, each into a partial one of its own, and each puts a whole one in place.

    Args:
        path: of the lock.
        stop: ends the waiting.
        awaited: is called once where another run holds it.

    Raises:
        Interrupted: it was stopped while another run held it.
    """
    from filelock import FileLock, Timeout

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        is_told = False
        while True:
            stop.check()
            try:
                lock.acquire(timeout=_POLL_S, poll_interval=_POLL_S / 2)
                break
            except Timeout:
                if not is_told:
                    awaited()
                is_told = True
    except (OSError, NotImplementedError):
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
