"""Standard input and output as they are found: closed, full, or of another encoding. Changes with what is found."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import Any

_REFUSALS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def make_safe() -> None:
    """Let no file that is opened later become standard output, and no character end the command."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free, which is this one.
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            with contextlib.suppress(OSError, ValueError):
                reconfigure(errors="backslashreplace")


def refusal(error: Exception) -> str:
    """Why standard output takes no more, where that is what ``error`` says; else empty.

    What the system says of any other file has its name, or was told as an error of the cache.
    """
    is_one = isinstance(error, OSError) and error.filename is None and error.errno in _REFUSALS
    return os.strerror(error.errno or 0) if is_one and isinstance(error, OSError) else ""


def drop() -> None:
    """Let nothing more be written to standard output, at Python's end above all."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def settle() -> None:
    """Forget what standard error did not take: Python's end would fail on it, with an exit code of its own."""
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
