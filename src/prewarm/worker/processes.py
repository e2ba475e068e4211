"""How a process ends with what it has started. Changes with what systems have for it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import Any


def kill_group(process: subprocess.Popen[Any]) -> None:
    """End a process that has a session of its own, with all that it has started, and wait for it."""
    with contextlib.suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
