"""Whose a file or folder is, by its name, and whether that process still runs. Changes with what systems tell of them.

A number alone does not tell: containers that share a folder each have numbers of their own, and so have machines.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
from functools import cache
from pathlib import Path

NAMED = r"\d+(?:-[0-9a-f]{8}-[0-9a-f]{8})?"
"""What ``named`` gives, as a pattern without groups, and the number alone, as older versions wrote it."""


def named(process: int | None = None) -> str:
    """A process's name among all that may see a file: its number, this start of the machine, and whose number it is.

    Args:
        process: its number; without one, this process.
    """
    return f"{os.getpid() if process is None else process}-{_boot()}-{_space()}"


def is_over(name: str) -> bool | None:
    """Whether the process of that name is no more; None where nobody can tell from here."""
    number, _, where = name.partition("-")
    if where != f"{_boot()}-{_space()}":
        return None
    return not _is_alive(int(number))


def is_of_this_boot(name: str) -> bool:
    """Whether the process of that name ran under the kernel that runs now, be it in another container."""
    return name.partition("-")[2].startswith(f"{_boot()}-")


def is_own(name: str) -> bool:
    """Whether it is the name of this process."""
    return name == named()


def _is_alive(process: int) -> bool:
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


@cache
def _boot() -> str:
    """This start of this machine, as eight hexadecimal digits."""
    with contextlib.suppress(OSError):
        return _short(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
    return _short(platform.node())


@cache
def _space() -> str:
    """Where process numbers mean the same: containers have numbers of their own."""
    with contextlib.suppress(OSError):
        return _short(f"{Path('/proc/self/ns/pid').readlink()} {platform.node()}")
    return _short(platform.node())


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
