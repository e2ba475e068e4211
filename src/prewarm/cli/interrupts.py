"""What Ctrl-C and SIGTERM do while a command runs. Changes with how a run is ended.

The first one ends the run, which puts its things in order in less than a second; others meanwhile change nothing, but
the fourth ends the process as it is.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_PATIENCE = 4
_MOMENT_S = 0.002
_came = False


@contextmanager
def handled() -> Iterator[None]:
    """Raise KeyboardInterrupt once, for either signal."""
    global _came  # noqa: PLW0603 (a process has one handler of a signal)
    count = 0
    _came = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal count
        global _came  # noqa: PLW0603
        count += 1
        _came = True
        if count == 1:
            raise KeyboardInterrupt
        if count >= _PATIENCE:
            os._exit(130)

    def swallowed(unraisable: Any) -> None:
        # Python was about to clean something up, where an exception leads nowhere: it is raised again.
        if unraisable.exc_type is KeyboardInterrupt:
            nonlocal count
            count = 0
            _again()
        else:
            sys.__unraisablehook__(unraisable)

    numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGALRM] if hasattr(signal, "SIGALRM") else [])]
    before = {number: signal.getsignal(number) for number in numbers}
    hook = sys.unraisablehook
    sys.unraisablehook = swallowed
    for number, handler in before.items():
        # A shell's children in the background ignore SIGINT, and go on to.
        if handler is not signal.SIG_IGN:
            signal.signal(number, interrupt)
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            if signal.getsignal(number) is interrupt:
                signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def _again() -> None:
    """Interrupt once more, a moment later: what is raised in here leads nowhere as well."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, _MOMENT_S)
    else:
        signal.raise_signal(signal.SIGINT)


def came() -> bool:
    """Whether a run was interrupted, and what ended it is no bug.

    Not every interrupt is found behind the error that it led to: modules of others, imported at that moment, catch it
    and raise an ImportError of their own.
    """
    return _came
