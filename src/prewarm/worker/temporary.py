"""Folders for temporary files: each goes with its run, and those of runs that were killed go with a later one.

Changes with how a folder in use is told from one that was left. A lock on it tells, which the system lets go with its
process, also when that is in another container. Where there are no locks, the name does, and its age.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from prewarm.worker import processes
from prewarm.worker.flock import try_lock

_NAMED = re.compile(rf"prewarm-[a-z]+-(?:({processes.NAMED})-)?\w+")
_YOUNG_S = 60.0
"""As long as that, one whose lock is free may be about to be locked."""
_OLD_S = 86_400.0
"""From then on nobody is believed to use one that cannot be locked: numbers of processes are used again."""


class OwnFolder:
    """A folder for temporary files, below ``TMPDIR``; what killed runs have left there goes first.

    Args:
        kind: what it is for, a word of its name.

    Attributes:
        path: of it.

    Raises:
        OSError: none can be made.
    """

    def __init__(self, kind: str = "proof") -> None:
        remove_dead()
        self._made = tempfile.TemporaryDirectory(
            prefix=f"prewarm-{kind}-{processes.named()}-", ignore_cleanup_errors=True
        )
        self.path = Path(self._made.name)
        self._lock = _opened(self.path)
        if self._lock is not None:
            try_lock(self._lock)

    def close(self) -> None:
        """Remove it, as far as that can be done."""
        # What the models' code has left there may not be removable; a later run tries again.
        with contextlib.suppress(OSError):
            self._made.cleanup()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Path:
        return self.path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def dead(folder: Path | None = None) -> list[Path]:
    """The folders of runs that are no more, of this user."""
    return list(_dead(folder or Path(tempfile.gettempdir())))


def _dead(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        for path in sorted(folder.glob("prewarm-*")):
            with contextlib.suppress(OSError):
                match = _NAMED.fullmatch(path.name)
                if match and path.is_dir() and not path.is_symlink():
                    status = path.lstat()
                    is_own = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
                    if is_own and _is_left(path, match[1], time.time() - status.st_mtime):
                        yield path


def _is_left(path: Path, name: str | None, age_s: float) -> bool:
    is_over = name is not None and bool(processes.is_over(name))
    is_free = _is_free(path)
    if is_free is None:
        return is_over or age_s > _OLD_S
    return is_free and (is_over or age_s > _YOUNG_S)


def _is_free(path: Path) -> bool | None:
    """Whether nobody has the folder's lock; None where locks say nothing, as where everybody gets them."""
    with ExitStack() as ends:
        tries = []
        for _ in range(2):
            descriptor = _opened(path)
            if descriptor is None:
                return None
            ends.callback(os.close, descriptor)
            tries.append(try_lock(descriptor))
            if tries[0] is not True:
                return tries[0]
        return None if tries[1] else True


def _opened(path: Path) -> int | None:
    """A descriptor of the folder, to lock it by; None where folders cannot be opened."""
    if os.name != "posix":
        return None
    with contextlib.suppress(OSError):
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    return None


def remove_dead() -> None:
    """Take away what killed runs have left."""
    for path in dead():
        shutil.rmtree(path, ignore_errors=True)
