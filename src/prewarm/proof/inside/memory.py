"""The process's peak of resident memory. Changes with what systems tell of it. Standard library only."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

_held: list[int] = []
"""The descriptor that the count is set back by."""


def hold() -> None:
    """Open what the count is set back by, before the process may write to no file but its own."""
    with contextlib.suppress(OSError):
        _held.append(os.open("/proc/self/clear_refs", os.O_WRONLY))


def forget_peak() -> None:
    """Let the system count the peak anew, where it can (Linux: proc(5), clear_refs)."""
    for descriptor in _held:
        with contextlib.suppress(OSError):
            os.write(descriptor, b"5")


def peak_rss_bytes() -> int | None:
    """The peak since ``forget_peak``, or since the start; None where the system does not tell."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    with contextlib.suppress(ImportError):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return None
