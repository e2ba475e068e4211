"""A lock on what is open, as the system holds it for a process. Changes with systems that have such locks."""

from __future__ import annotations


def try_lock(descriptor: int) -> bool | None:
    """Whether the lock was free, and is this descriptor's now; None where there are no locks. Of POSIX alone."""
    import fcntl  # noqa: PLC0415 (not on every system)

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
