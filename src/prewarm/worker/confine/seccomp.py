"""Which of the kernel's calls a process may make, as a filter for seccomp(2). Changes with what is refused.

What a filter cannot see is what an address points to: a call that takes a socket's address is refused as a whole.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from prewarm.worker.confine.calls import X86_64, Calls
from prewarm.worker.confine.libc import failed, prctl

Sockets: TypeAlias = Literal["none", "tcp"]
"""``none``: nothing is connected to; ``tcp``: nothing but TCP."""

_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_REFUSED, _DONE, _NO_SUCH_CALL = errno.EPERM, 0, errno.ENOSYS
_LOAD, _AND, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_NR, _ARCH, _ARGS = 0, 4, 16
_X32 = 0x40000000
_SET_SECCOMP, _FILTER = 22, 2
_CLONE_THREAD, _MAP_SHARED_AND_NOT_A_FILE = 0x10000, 0x21
_UNIX, _INET, _INET6, _STREAM, _TYPE = 1, 2, 10, 1, 0xF
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_SET_PDEATHSIG, _SET_MM, _SET_PTRACER = 1, 35, 0x59616D61

KERNEL = (
    "acct", "add_key", "adjtimex", "bpf", "chroot", "clock_adjtime", "clock_settime", "delete_module", "fanotify_init",
    "file_setattr", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "init_module", "io_uring_enter",
    "io_uring_register", "io_uring_setup", "ioperm", "iopl", "ioprio_set", "kcmp", "kexec_file_load", "kexec_load",
    "keyctl", "mknod", "mknodat", "mount", "mount_setattr", "move_mount", "open_by_handle_at", "open_tree",
    "open_tree_attr", "perf_event_open", "personality", "pidfd_getfd", "pivot_root", "process_madvise",
    "process_mrelease", "process_vm_readv", "process_vm_writev", "ptrace", "quotactl", "quotactl_fd", "reboot",
    "request_key", "setdomainname", "sethostname", "setns", "settimeofday", "swapoff", "swapon", "syslog", "umount2",
    "unshare", "userfaultfd",
)  # fmt: skip
"""What loading no model needs: the kernel's own state, other processes' memory, and what goes around other rules."""
_IO_URING = ("io_uring_enter", "io_uring_register", "io_uring_setup")
"""Sockets by another way."""
ATTRIBUTES = (
    "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "fchownat", "lchown", "utime", "utimes", "utimensat",
    "futimesat",
)  # fmt: skip
"""Answered as done and not done: a file that is copied takes them along, and Landlock knows nothing of them."""
EXTENDED = (
    "setxattr", "lsetxattr", "fsetxattr", "setxattrat", "removexattr", "lremovexattr", "fremovexattr", "removexattrat",
)  # fmt: skip
PROCESSES = (
    "execve", "execveat", "fork", "vfork", "setsid", "setpgid", "memfd_create", "memfd_secret", "shmget", "shmat",
    "shmctl", "msgget", "semget", "mq_open", "pidfd_open", "pidfd_send_signal", "setpriority",
)  # fmt: skip
"""Further processes, and memory that outlives one."""
ADDRESSES = ("bind", "listen", "accept", "accept4", "sendmsg", "sendmmsg")
"""What gives a socket an address, ``connect`` left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """On one argument of a call."""

    argument: int
    value: int
    mask: int = 0xFFFFFFFF
    is_equal: bool = True
    is_high: bool = False
    """Whether the upper half of the argument is meant."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What becomes of a call where all conditions hold; the first rule that applies decides."""

    call: str
    error: int | None = _REFUSED
    """``errno`` of the answer; None: the call is let through."""
    conditions: tuple[Condition, ...] = ()


def rules(*, sockets: Sockets, may_fork: bool, pid: int) -> list[Rule]:
    """The rules for a process that loads models.

    Args:
        sockets: what it may reach.
        may_fork: whether it may start others, and share memory with them.
        pid: its own; it may send signals to itself.
    """
    found = [Rule(call=name) for name in KERNEL]
    found += [Rule(call=name, error=_DONE) for name in ATTRIBUTES]
    found += [Rule(call=name) for name in EXTENDED]
    found += [Rule(call="ioctl", conditions=(Condition(argument=1, value=word),)) for word in (_TIOCSTI, _TIOCLINUX)]
    options = (_SET_PDEATHSIG, _SET_MM, _SET_PTRACER)
    found += [Rule(call="prctl", conditions=(Condition(argument=0, value=option),)) for option in options]
    found += [Rule(call="prlimit64", error=None, conditions=(Condition(argument=0, value=own),)) for own in (0, pid)]
    found.append(Rule(call="prlimit64"))
    if not may_fork:
        found += _alone(pid)
    return found + network_rules(sockets)


def command_rules(*, may_reach_tcp: bool) -> list[Rule]:
    """The rules for a command of the user's: what it does with its own machine is its own business."""
    found = [Rule(call="socket", error=None, conditions=(Condition(argument=0, value=_UNIX),))]
    found += list(_tcp()) if may_reach_tcp else []
    return [*found, Rule(call="socket", error=errno.EACCES), *(Rule(call=name) for name in _IO_URING)]


def network_rules(sockets: Sockets) -> list[Rule]:
    """Of these, those on sockets."""
    found = [Rule(call=name, error=errno.EACCES) for name in ADDRESSES]
    # With an address it is a ``connect`` as well.
    found += [
        Rule(
            call="sendto",
            error=errno.EACCES,
            conditions=(Condition(argument=4, value=0, is_equal=False, is_high=half),),
        )
        for half in (False, True)
    ]
    if sockets == "none":
        found.append(Rule(call="connect", error=errno.EACCES))
        families = (_UNIX, _INET, _INET6)
        found += [
            Rule(call="socket", error=None, conditions=(Condition(argument=0, value=family),)) for family in families
        ]
    else:
        found += _tcp()
    found.append(Rule(call="socket", error=errno.EAFNOSUPPORT))
    return found


def _tcp() -> Iterator[Rule]:
    for family in (_INET, _INET6):
        for protocol in (0, 6):
            conditions = (
                Condition(argument=0, value=family),
                Condition(argument=1, value=_STREAM, mask=_TYPE),
                Condition(argument=2, value=protocol),
            )
            yield Rule(call="socket", error=None, conditions=conditions)


def _alone(pid: int) -> Iterator[Rule]:
    for name in PROCESSES:
        yield Rule(call=name)
    yield Rule(call="clone", error=None, conditions=(Condition(argument=0, value=_CLONE_THREAD, mask=_CLONE_THREAD),))
    yield Rule(call="clone")
    # The C library then takes clone, whose flags can be seen.
    yield Rule(call="clone3", error=_NO_SUCH_CALL)
    both = _MAP_SHARED_AND_NOT_A_FILE
    yield Rule(call="mmap", conditions=(Condition(argument=3, value=both, mask=both),))
    for name in ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"):
        yield Rule(call=name, error=None, conditions=(Condition(argument=0, value=pid),))
        yield Rule(call=name)
    yield Rule(call="tkill")


def program(calls: Calls, given: Iterable[Rule]) -> bytes:
    """The filter, in the kernel's words: what no rule names is let through, and other architectures' calls are not."""
    lines = [_line(_LOAD, _ARCH), _line(_EQUAL, calls.audit, 1, 0), _line(_RETURN, _ERRNO | _REFUSED)]
    lines.append(_line(_LOAD, _NR))
    if calls.machine == X86_64:
        lines += [_line(_AT_LEAST, _X32, 0, 1), _line(_RETURN, _ERRNO | _REFUSED)]
    for rule in given:
        if rule.call in calls.numbers:
            lines += _lines(rule, calls.numbers[rule.call])
    lines.append(_line(_RETURN, _ALLOW))
    return b"".join(lines)


def _lines(rule: Rule, number: int) -> list[bytes]:
    answer = _line(_RETURN, _ALLOW if rule.error is None else _ERRNO | rule.error)
    if not rule.conditions:
        return [_line(_EQUAL, number, 0, 1), answer]
    body: list[bytes] = []
    for condition in reversed(rule.conditions):
        # To the answer, or behind it.
        away = len(body) + 1
        equal, other = (0, away) if condition.is_equal else (away, 0)
        at = _ARGS + 8 * condition.argument + (4 if condition.is_high else 0)
        body = [_line(_LOAD, at), _line(_AND, condition.mask), _line(_EQUAL, condition.value, equal, other), *body]
    # What has looked at arguments looks at the number again, for the rules that follow.
    block = [*body, answer, _line(_LOAD, _NR)]
    return [_line(_EQUAL, number, 0, len(block)), *block]


def _line(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_so, if_not, value & 0xFFFFFFFF)


def load(content: bytes) -> None:
    """Let the filter hold for this thread and all that it starts; no_new_privs is set.

    Raises:
        OSError: the kernel does not take it.
    """
    code = ctypes.create_string_buffer(content, len(content))
    held = ctypes.create_string_buffer(struct.pack("@HP", len(content) // 8, ctypes.addressof(code)))
    if prctl(_SET_SECCOMP, _FILTER, ctypes.addressof(held)) != 0:
        raise failed("seccomp")
