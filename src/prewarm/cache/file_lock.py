"""One run at a time per blob. Changes with how huggingface_hub locks, whose lock files these are."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prewarm.flow.stop import Stop
from prewarm.records.errors import CacheError
from prewarm.records.units import duration
from prewarm.worker.flock import try_lock

MODE = 0o664
"""As huggingface_hub makes them: where the umask lets a group write, it can lock."""
TOLD_AGAIN_S = 30.0
_POLL_S = 0.1


@contextmanager
def locked(
    path: Path,
    stop: Stop,
    awaited: Callable[[str, float], None],
    *,
    limit_s: float = 1800.0,
) -> Iterator[bool]:
    """Hold the lock at ``path``, which ``hf download`` and another prewarm take as well.

    Gives whether it is held, and holds others off. Where the file system has no locks, or gives them to everybody, work
    goes on without one: two runs may fetch the same file then, each into a partial one of its own, and each puts a
    whole one in place.

    Args:
        path: of the lock.
        stop: ends the waiting.
        awaited: is told who holds it, as far as that can be told, and how long it was waited for: at once, and then now
            and then.
        limit_s: the longest that it is waited for.

    Raises:
        Interrupted: it was stopped while another run held it.
        CacheError: ``timeout``, where another run held it for too long.
    """
    from filelock import FileLock, Timeout

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, mode=MODE)
        began = time.monotonic()
        told_s = -TOLD_AGAIN_S
        while True:
            stop.check()
            try:
                lock.acquire(timeout=_POLL_S, poll_interval=_POLL_S / 2)
                break
            except Timeout:
                waited_s = time.monotonic() - began
                if waited_s >= limit_s:
                    raise _held_too_long(path, limit_s) from None
                if waited_s - told_s >= TOLD_AGAIN_S:
                    awaited(holder_of(path), waited_s)
                    told_s = waited_s
    except (OSError, NotImplementedError):
        yield False
        return
    try:
        yield _holds_off(path)
    finally:
        lock.release()


def holder_of(path: Path) -> str:
    """``process 123``, where the system tells who holds the lock; else empty."""
    with contextlib.suppress(OSError, ValueError):
        inode = path.stat().st_ino
        for line in Path("/proc/locks").read_text(encoding="ascii", errors="replace").splitlines():
            words = line.split()
            if "->" not in words and len(words) > 5 and words[5].endswith(f":{inode}") and int(words[4]) > 0:
                return f"process {words[4]}"
    return ""


def _held_too_long(path: Path, limit_s: float) -> CacheError:
    who = holder_of(path) or "another run"
    return CacheError(
        "timeout",
        f"{who} has held a download for {duration(limit_s)}, and longer than that it is not waited for",
        hint=f"look whether it still works; then run it again, or raise --lock-wait (the lock is {path})",
    )


def _holds_off(path: Path) -> bool:
    """Whether the lock that we hold is refused to the next one, as it is not on every file system."""
    if os.name != "posix":
        return True
    try:
        again = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return try_lock(again) is not True
    finally:
        os.close(again)
