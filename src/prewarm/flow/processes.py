"""Whether a process still runs on this machine. Changes with what systems tell of processes."""

from __future__ import annotations

import os


def is_alive(process: int) -> bool:
    """Whether a process of that number runs; where the system does not tell, it does."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
