"""What interrupted downloads have left in the cache, and how it goes. Changes with the names of partial files."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prewarm.cache.partial import JOURNAL_SUFFIX, SUFFIX

_YOUNG_S = 3600.0
"""Where locks cannot be had, a file that was written to within this time may be in use."""


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """One partial file."""

    path: Path
    size: int
    """Bytes on the disk."""
    is_resumable: bool
    """Whether the next run of prewarm goes on from it."""
    is_used: bool
    """Whether a running download holds its lock."""


def find(root: Path) -> list[Leftover]:
    """Every partial file below the cache's folder: prewarm's, and those that huggingface_hub orphaned."""
    found = []
    for path in sorted(root.glob("*--*/blobs/*.incomplete")):
        with contextlib.suppress(OSError):
            status = path.stat()
            with _holding(root, path) as is_free:
                found.append(
                    Leftover(
                        path=path,
                        size=getattr(status, "st_blocks", status.st_size // 512) * 512,
                        is_resumable=path.name.endswith(SUFFIX),
                        is_used=not is_free,
                    )
                )
    return found


def remove(root: Path, leftover: Leftover) -> bool:
    """Remove one, unless a download has taken it up meanwhile; returns whether it is gone."""
    with _holding(root, leftover.path) as is_free:
        if not is_free:
            return False
        leftover.path.unlink(missing_ok=True)
        journal = leftover.path.name.removesuffix(SUFFIX) + JOURNAL_SUFFIX
        leftover.path.with_name(journal).unlink(missing_ok=True)
        return True


@contextmanager
def _holding(root: Path, path: Path) -> Iterator[bool]:
    """Hold the lock that huggingface_hub and prewarm take to write the blob; gives whether it was free."""
    from filelock import FileLock, Timeout

    lock = FileLock(root / ".locks" / path.parent.parent.name / f"{path.name.split('.')[0]}.lock")
    try:
        Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    except (OSError, NotImplementedError):
        yield time.time() - path.stat().st_mtime > _YOUNG_S
        return
    try:
        yield True
    finally:
        lock.release()
