"""Which files a process may open, and which TCP ports it may reach: landlock(7). Changes with what the kernel knows.

Each version of the kernel's interface knows more rights; what it does not know, it does not refuse.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from prewarm.worker.confine.libc import failed, syscall

_CREATE, _ADD, _RESTRICT = 444, 445, 446
"""The same number on every architecture."""
_ASK_VERSION, _PATH_BENEATH, _NET_PORT = 1, 1, 2
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FIRST_FILES = (1 << 13) - 1
_BIND_TCP, _CONNECT_TCP = 1 << 0, 1 << 1
_ABSTRACT_SOCKETS, _SIGNALS = 1 << 0, 1 << 1
_OF_A_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READ = _EXECUTE | _READ_FILE | _READ_DIR
FILES, TRUNCATION, TCP, SCOPES = 1, 3, 4, 6
"""The version from which on it knows files, their truncation, TCP, and signals and abstract sockets."""


def version() -> int:
    """Of the kernel's interface; 0 where there is none, or it is switched off."""
    return max(0, syscall(_CREATE, None, 0, _ASK_VERSION))


def _file_rights(known: int) -> int:
    rights = _FIRST_FILES
    for right, since in ((_REFER, 2), (_TRUNCATE, TRUNCATION), (_IOCTL_DEV, 5)):
        rights |= right if known >= since else 0
    return rights


def restrict(
    known: int,
    *,
    readable: Iterable[Path] | None = (),
    writable: Iterable[Path] = (),
    devices: Iterable[Path] = (),
    port: int | None = None,
    bars_signals: bool = True,
) -> None:
    """Refuse this thread, and all that it starts, everything else; no_new_privs is set.

    Args:
        known: what ``version`` gave, or less.
        readable: files and folders that may be read and run; None: files are left as they are.
        writable: folders of which all may be done with.
        devices: files that may be read and written.
        port: of TCP, that may be connected to; every other one is refused, and waiting for connections.
        bars_signals: whether signals to processes outside, and their abstract sockets, are.

    Raises:
        OSError: the kernel does not take it.
    """
    files = _file_rights(known) if readable is not None else 0
    tcp = _BIND_TCP | _CONNECT_TCP if known >= TCP else 0
    scopes = _ABSTRACT_SOCKETS | _SIGNALS if known >= SCOPES and bars_signals else 0
    words = [files, *([tcp] if known >= TCP else []), *([scopes] if known >= SCOPES else [])]
    content = struct.pack(f"={len(words)}Q", *words)
    ruleset = syscall(_CREATE, content, len(content), 0)
    if ruleset < 0:
        raise failed("landlock_create_ruleset")
    try:
        if readable is not None:
            for paths, rights in (
                (readable, _READ),
                (writable, files & ~_EXECUTE & ~_IOCTL_DEV),
                (devices, _READ_FILE | _WRITE_FILE | _IOCTL_DEV),
            ):
                for path in paths:
                    _allow(ruleset, path, rights & files)
        if port is not None and tcp:
            rule = struct.pack("=QQ", _CONNECT_TCP, port)
            if syscall(_ADD, ruleset, _NET_PORT, rule, 0) != 0:
                raise failed("landlock_add_rule")
        if syscall(_RESTRICT, ruleset, 0) != 0:
            raise failed("landlock_restrict_self")
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    # What is not there needs no rule; nobody can make it later either.
    with suppress(OSError):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
                rights &= _OF_A_FILE
            rule = struct.pack("=Qi", rights, descriptor)
            if syscall(_ADD, ruleset, _PATH_BENEATH, rule, 0) != 0:
                raise failed("landlock_add_rule")
        finally:
            os.close(descriptor)
