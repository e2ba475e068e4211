"""Standard input and output as they are found: closed, full, or of another encoding. Changes with what is found."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any


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


def failure() -> str:
    """Why standard output takes no more; empty where it does."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return error.strerror or str(error)
    except ValueError as error:
        return str(error)
    return ""


def drop() -> None:
    """Let nothing more be written to standard output, at Python's end above all."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
