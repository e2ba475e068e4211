"""Stands between an application and a process that it does not trust: starts it, bounds it, and ends all that it left.

``python -I -S supervisor.py [--line FD] [--memory BYTES] [--processes N] [--folder PATH BYTES]... -- COMMAND …``

What has started this process may be somebody's server, and is not changed: the supervisor is the parent of everything
that the command starts, wherever that goes (Linux: ``PR_SET_CHILD_SUBREAPER``), cannot be read by it, and ends with
whoever holds the other end of ``--line``. Standard library alone, since it is there for each process once.
"""
# ruff: noqa: PTH123, PTH208 (pathlib takes longer to import than all the rest)

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Iterator

OVER_MEMORY, OVER_PROCESSES, OVER_FOLDER = 113, 114, 115
"""Exit codes, where a bound was passed."""
_SET_CHILD_SUBREAPER, _SET_DUMPABLE = 36, 4
_LOOK_S, _LOOK_AT_FOLDER_S, _END_S = 0.1, 1.0, 5.0


class _Bounds:
    def __init__(self, words: list[str]) -> None:
        self.line: int | None = None
        self.memory = self.processes = self.folder_bytes = 0
        self.folders: list[str] = []
        while words and (word := words.pop(0)) != "--":
            if word == "--line":
                self.line = int(words.pop(0))
            elif word == "--memory":
                self.memory = int(words.pop(0))
            elif word == "--processes":
                self.processes = int(words.pop(0))
            elif word == "--folder":
                self.folders.append(words.pop(0))
                self.folder_bytes = int(words.pop(0))
        self.command = words


def main() -> None:
    """Start the command, and end as it ends."""
    bounds = _Bounds(sys.argv[1:])
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    awake, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _noted)
    child = os.fork()
    if child == 0:
        _become(bounds)
    status = _watch(child, awake, bounds)
    with contextlib.suppress(OSError):
        # Where the system does not tell whom it has started, its session at least.
        os.killpg(child, signal.SIGKILL)
    _end_all()
    _end_as(status)


_ended: list[int] = []
"""By these signals."""


def _noted(number: int, frame: object) -> None:
    del frame
    if number != signal.SIGCHLD:
        _ended.append(number)


def _become(bounds: _Bounds) -> None:
    try:
        os.setsid()
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        if bounds.line is not None:
            os.close(bounds.line)
        os.execv(bounds.command[0], bounds.command)  # noqa: S606 (no shell is wanted)
    finally:
        os._exit(127)


def _watch(child: int, awake: int, bounds: _Bounds) -> int:
    """The wait status to end with."""
    watched = [awake] if bounds.line is None else [awake, bounds.line]
    next_folder = time.monotonic() + _LOOK_AT_FOLDER_S
    while True:
        readable, _, _ = select.select(watched, [], [], _LOOK_S)
        if awake in readable:
            os.read(awake, 4096)
        # What was left to this process is taken away as it ends.
        while True:
            try:
                ended, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return 0
            if ended == child:
                return status
            if ended == 0:
                break
        if _ended or bounds.line in readable:
            return signal.SIGKILL
        if (code := _passed(bounds)) is not None:
            return code << 8
        if bounds.folder_bytes and time.monotonic() >= next_folder:
            if _size(bounds.folders, bounds.folder_bytes) > bounds.folder_bytes:
                return OVER_FOLDER << 8
            next_folder = time.monotonic() + _LOOK_AT_FOLDER_S


def _passed(bounds: _Bounds) -> int | None:
    """The exit code for a bound that was passed; None: none was."""
    if not (bounds.memory or bounds.processes):
        return None
    memory = count = 0
    for pid in _below(os.getpid()):
        count += 1
        with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/statm", encoding="ascii") as said:
            memory += int(said.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    if bounds.memory and memory > bounds.memory:
        return OVER_MEMORY
    return OVER_PROCESSES if bounds.processes and count > bounds.processes else None


def _below(parent: int) -> Iterator[int]:
    """All processes that it has started, and these have, as far as the system tells."""
    try:
        threads = os.listdir(f"/proc/{parent}/task")
    except OSError:
        return
    for thread in threads:
        with contextlib.suppress(OSError), open(f"/proc/{parent}/task/{thread}/children", encoding="ascii") as said:
            for word in said.read().split():
                yield int(word)
                yield from _below(int(word))


def _size(places: list[str], most: int) -> int:
    """Bytes on the disk of what is in folders, counted until they are more than ``most``; links are not followed."""
    found, folders = 0, list(places)
    while folders and found <= most:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    # A file without content takes room as well.
                    found += entry.stat(follow_symlinks=False).st_blocks * 512 + 1024
    return found


def _end_all() -> None:
    """Whatever is still there: a process may start another one while it is being ended."""
    until = time.monotonic() + _END_S
    while time.monotonic() < until:
        for pid in _below(os.getpid()):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def _end_as(status: int) -> None:
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        os._exit(code)
    signal.signal(-code, signal.SIG_DFL) if -code not in (signal.SIGKILL, signal.SIGSTOP) else None
    os.kill(os.getpid(), -code)
    time.sleep(_END_S)
    os._exit(128 - code)


if __name__ == "__main__":
    main()
