"""Where a bug's trace is written, and what is said of it. Changes with what a report of a bug has to hold.

The trace may name files and addresses, so that it goes into a file that is looked at before it is sent.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from prewarm import __version__
from prewarm.records.errors import EntryError
from prewarm.records.text import without_secrets


def write(error: BaseException) -> str:
    """Write the trace of ``error``, without secrets; gives the path of the file, empty where no folder takes one."""
    # Not before there is one: a check is to start fast.
    import tempfile
    import traceback

    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    said = f"prewarm {__version__}, Python {sys.version}, {sys.platform}\n\n{without_secrets(trace)}"
    for folder in (None, _home()):
        # OSError: no folder for temporary files, or a full one; the caller's work goes on without a log.
        with contextlib.suppress(OSError, TypeError):
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            descriptor, path = tempfile.mkstemp(prefix="prewarm-", suffix=".log", text=True, dir=folder)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as log:
                log.write(said)
            return path
    return ""


def hint(path: str) -> str:
    """What to do about a bug whose trace is at ``path``."""
    if not path:
        return "no folder takes a log of it: set TMPDIR to one that can be written, and run it again"
    return f"report it with the log: {path}"


def unforeseen(error: Exception) -> EntryError:
    """What nobody foresaw, as the failure of the entry in whose steps it happened: the others go on."""
    said = f"a bug in prewarm: {type(error).__name__}"
    return EntryError("internal", said, hint=hint(write(error)))


def _home() -> Path | None:
    from prewarm.hub import configuration

    return configuration.home() / "prewarm"
