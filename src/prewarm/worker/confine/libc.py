"""Calls of the kernel that Python has no function for. Changes with how they are made."""

from __future__ import annotations

import ctypes
import os


def libc() -> ctypes.CDLL:
    """The C library of this process."""
    return ctypes.CDLL(None, use_errno=True)


def syscall(number: int, *args: int | bytes | None) -> int:
    """What the kernel answers; -1 where it refuses (``ctypes.get_errno()``)."""
    call = libc().syscall
    call.restype = ctypes.c_long
    given = [one if isinstance(one, bytes) or one is None else ctypes.c_long(one) for one in args]
    return int(call(ctypes.c_long(number), *given))


def prctl(option: int, *args: int) -> int:
    """Control this process, and give the answer; see the manual page of that name."""
    words = [*args, *[0] * (4 - len(args))]
    return int(libc().prctl(ctypes.c_int(option), *(ctypes.c_ulong(word) for word in words)))


def failed(what: str) -> OSError:
    """The error of the last call."""
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")
