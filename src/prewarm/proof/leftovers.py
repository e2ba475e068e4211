"""Folders that proofs have left because they were killed, and how they go. Changes with the names of these folders."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from prewarm.flow.processes import is_alive

_PREFIX = "prewarm-proof-"
_NAMED = re.compile(r"prewarm-proof-(?:(\d+)-)?\w+")
_OLD_S = 86_400.0
"""From then on nobody is believed to use one, whatever the system says of its process: numbers are used again."""


def prefix() -> str:
    """How the folders of this process are called."""
    return f"{_PREFIX}{os.getpid()}-"


def dead(folder: Path | None = None) -> list[Path]:
    """The folders of processes that are no more, of this user."""
    found = []
    with contextlib.suppress(OSError):
        for path in sorted((folder or Path(tempfile.gettempdir())).glob(f"{_PREFIX}*")):
            with contextlib.suppress(OSError):
                match = _NAMED.fullmatch(path.name)
                status = path.lstat()
                is_own = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
                is_old = time.time() - status.st_mtime > _OLD_S
                if match and is_own and path.is_dir() and not path.is_symlink():
                    is_dead = is_old if match[1] is None else is_old or not is_alive(int(match[1]))
                    found += [path] * is_dead
    return found


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """A folder for temporary files, which goes with the block; those of processes that are no more go before."""
    remove_dead()
    with tempfile.TemporaryDirectory(prefix=prefix(), ignore_cleanup_errors=True) as name:
        yield Path(name)


def remove_dead() -> None:
    """Take them away."""
    for path in dead():
        shutil.rmtree(path, ignore_errors=True)
