"""What interrupted downloads have left in the cache, and how it goes. Changes with the names of partial files."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prewarm.cache import claims
from prewarm.cache.claims import SUFFIX
from prewarm.cache.file_lock import MODE
from prewarm.cache.partial import JOURNALLED_BYTES
from prewarm.cache.place import TEMPORARY, size_on_disk
from prewarm.worker import processes

_YOUNG_S = 3600.0
"""Where nothing tells whether it is in use, a file that was written to within this time may be."""


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """One partial or temporary file, or a folder of them."""

    path: Path
    size: int
    """Bytes on the disk."""
    is_resumable: bool
    """Whether the next run of prewarm goes on from it."""
    is_used: bool
    """Whether a running download holds its lock."""
    whose: str
    """Who has left it."""


def find(root: Path) -> list[Leftover]:
    """Every partial file below the cache's folder: prewarm's, and those that huggingface_hub orphaned."""
    found = []
    for path in sorted(root.glob("*--*/blobs/*.incomplete")):
        with contextlib.suppress(OSError):
            status = path.stat()
            with _holding(root, path) as is_free:
                is_own = path.name.endswith(SUFFIX)
                is_used = not is_free or (is_own and _is_anothers(path))
                found.append(
                    Leftover(
                        path=path,
                        size=size_on_disk(status),
                        is_resumable=is_own,
                        is_used=is_used,
                        whose="prewarm, resumable" if is_own else "huggingface_hub",
                    )
                )
    for folder in sorted(root.glob("*--*/")):
        for path in temporaries(folder):
            with contextlib.suppress(OSError):
                size = size_on_disk(path.lstat())
                if not path.name.endswith(SUFFIX):
                    found.append(
                        Leftover(path=path, size=size, is_resumable=False, is_used=False, whose="prewarm, temporary")
                    )
    return found


def temporaries(folder: Path) -> Iterator[Path]:
    """What killed runs have left in a repository's folder and nobody goes on with."""
    for at, _, names in os.walk(folder):
        for name in names:
            path = Path(at, name)
            with contextlib.suppress(OSError):
                if match := TEMPORARY.fullmatch(name):
                    age_s = time.time() - path.lstat().st_mtime
                    if age_s > _YOUNG_S or processes.is_over(match[1]):
                        yield path
                elif name.endswith(SUFFIX) and _is_lost(path):
                    yield path


def _is_lost(path: Path) -> bool:
    """Whether a partial file is nobody's, and too small for a journal: it is fetched anew."""
    return path.lstat().st_size < JOURNALLED_BYTES and claims.is_abandoned(path, is_alone=False)


def _is_anothers(path: Path) -> bool:
    """Whether it has the name of a process that still runs."""
    is_at_rest = path.name.count(".") == SUFFIX.count(".")
    return not is_at_rest and not claims.is_abandoned(path, is_alone=False)


def remove(root: Path, leftover: Leftover) -> bool:
    """Remove one, unless a download has taken it up meanwhile; returns whether it is gone."""
    with _holding(root, leftover.path) as is_free:
        if not is_free:
            return False
        if leftover.path.name.endswith(SUFFIX):
            claims.remove(leftover.path)
        else:
            with contextlib.suppress(OSError):
                leftover.path.unlink()
        return not leftover.path.exists()


@contextmanager
def _holding(root: Path, path: Path) -> Iterator[bool]:
    """Hold the lock that huggingface_hub and prewarm take to write the blob; gives whether it was free."""
    from filelock import FileLock, Timeout

    if ".incomplete" not in path.name:
        yield True
        return
    lock = FileLock(root / ".locks" / path.parent.parent.name / f"{path.name.split('.')[0]}.lock", mode=MODE)
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
