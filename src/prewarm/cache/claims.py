"""Whose a partial file is. Changes with what tells a running process from one that is no more.

A lock cannot be trusted to tell: on some file systems everybody gets it. So a partial file belongs to one process, by
its name, and another one takes it over by renaming it, which succeeds for one alone.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from prewarm.worker import processes

SUFFIX = ".prewarm.incomplete"
JOURNAL_SUFFIX = ".prewarm.json"
_OWNED = re.compile(rf"[0-9a-f]{{40,64}}\.({processes.NAMED})-[0-9a-f]{{8}}{re.escape(SUFFIX)}")
_STILL_S = 120.0
"""Where its lock is ours: from then on a file of another machine is not being written to."""
_OLD_S = 3600.0
"""The same where locks say nothing."""

_own: set[Path] = set()
_owning = threading.Lock()


def resting(target: Path) -> Path:
    """The name of the partial file for ``target`` while it is nobody's."""
    return target.with_name(f"{target.name}{SUFFIX}")


def journal_of(partial: Path) -> Path:
    """The journal beside a partial file."""
    return partial.with_name(partial.name.removesuffix(SUFFIX) + JOURNAL_SUFFIX)


def new_name(target: Path) -> Path:
    """A name that is this process's, until ``give_up``."""
    path = target.with_name(f"{target.name}.{processes.named()}-{secrets.token_hex(4)}{SUFFIX}")
    with _owning:
        _own.add(path)
    return path


def give_up(path: Path) -> None:
    """The name is used no more."""
    with _owning:
        _own.discard(path)


def abandoned(target: Path, *, is_alone: bool) -> Iterator[Path]:
    """The partial files for ``target`` that may be taken over, those at rest first.

    Args:
        target: the blob's place.
        is_alone: whether its lock is ours, on a file system whose locks mean something.
    """
    yield resting(target)
    with contextlib.suppress(OSError), os.scandir(target.parent) as found:
        for entry in found:
            if entry.name.startswith(f"{target.name}.") and is_abandoned(Path(entry.path), is_alone=is_alone):
                yield Path(entry.path)


def is_abandoned(path: Path, *, is_alone: bool) -> bool:
    """Whether the process whose name a partial file has is no more, as far as can be told; False for other names."""
    match = _OWNED.fullmatch(path.name)
    if match is None:
        return False
    if processes.is_own(match[1]):
        with _owning:
            return path not in _own
    is_over = processes.is_over(match[1])
    if is_over is not None:
        return is_over
    if is_alone and processes.is_of_this_boot(match[1]):
        # The same kernel keeps the locks: whoever had this one has let it go.
        return True
    try:
        age_s = time.time() - path.lstat().st_mtime
    except OSError:
        return False
    return age_s > (_STILL_S if is_alone else _OLD_S)


def take(path: Path, own: Path) -> bool:
    """Make a partial file, with its journal, this process's under the name ``own``; gives whether it is.

    Nothing that another user has put or linked there is taken, opened or followed.
    """
    if not _is_plain(path):
        return False
    try:
        path.rename(own)
    except OSError:
        return False
    if not _is_plain(own):
        # Another one was put in its place meanwhile: only its name goes.
        with contextlib.suppress(OSError):
            own.unlink()
        return False
    journal = journal_of(path)
    with contextlib.suppress(OSError):
        if _is_plain(journal):
            journal.rename(journal_of(own))
    return True


def put_to_rest(own: Path, target: Path) -> None:
    """Leave a partial file for whoever comes next."""
    # The journal first: without it the bytes are worth nothing.
    rest = resting(target)
    os.replace(journal_of(own), journal_of(rest))
    os.replace(own, rest)


def remove(path: Path) -> None:
    """Take a partial file and its journal away."""
    for one in (path, journal_of(path)):
        with contextlib.suppress(OSError):
            one.unlink()


def _is_plain(path: Path) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    is_own = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and is_own
