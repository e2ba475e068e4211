"""What a process may have: rights, memory, the size of a file. Changes with the limits that systems know."""

from __future__ import annotations

import contextlib
import os
import signal
import struct
from typing import Any

from prewarm.worker.confine.libc import failed, libc, prctl

resource: Any = None
with contextlib.suppress(ImportError):
    import resource

_SET_PDEATHSIG, _SET_NO_NEW_PRIVS, _CAPBSET_DROP, _CAP_AMBIENT, _AMBIENT_CLEAR = 1, 38, 24, 47, 4
_VERSION_3 = 0x20080522
_DAC_READ_SEARCH = 1 << 2
_LAST_CAPABILITY = 63


def end_with_parent() -> None:
    """Let the kernel end this process with the one that has started it (the thread of it)."""
    prctl(_SET_PDEATHSIG, signal.SIGKILL)


def drop_rights() -> None:
    """Give up every capability, and all ways to new ones.

    Root keeps the right to read: without it, it could not open a cache of another user's that it has opened before.
    Landlock is what bounds that.

    Raises:
        OSError: the kernel does not take it.
    """
    for capability in range(_LAST_CAPABILITY + 1):
        prctl(_CAPBSET_DROP, capability)
    prctl(_CAP_AMBIENT, _AMBIENT_CLEAR)
    kept = _DAC_READ_SEARCH if os.geteuid() == 0 else 0
    head, sets = struct.pack("=Ii", _VERSION_3, 0), struct.pack("=6I", kept, kept, 0, 0, 0, 0)
    if libc().capset(head, sets) != 0 and libc().capset(head, struct.pack("=6I", 0, 0, 0, 0, 0, 0)) != 0:
        raise failed("capset")
    if not no_new_rights():
        raise failed("no_new_privs")


def no_new_rights() -> bool:
    """Let no program that is started bring rights of its own; whether the kernel takes it."""
    return prctl(_SET_NO_NEW_PRIVS, 1) == 0


def limit(*, memory_bytes: int | None, file_bytes: int) -> bool:
    """Bound what this process may take; whether the system knows all of it.

    Args:
        memory_bytes: of its data, mapped files left out; None: as it is.
        file_bytes: of one file that it writes.
    """
    if resource is None:
        return False
    wanted = [("RLIMIT_CORE", 0), ("RLIMIT_FSIZE", file_bytes)]
    wanted += [("RLIMIT_DATA", memory_bytes)] if memory_bytes is not None else []
    is_whole = True
    for name, value in wanted:
        try:
            number = getattr(resource, name)
            _, most = resource.getrlimit(number)
            bound = value if most == resource.RLIM_INFINITY else min(value, most)
            resource.setrlimit(number, (bound, bound))
        except (AttributeError, OSError, ValueError):
            is_whole = False
    with contextlib.suppress(OSError, ValueError, AttributeError):
        # A file that grows over its bound is an error that is raised, and no end of the process.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    return is_whole
