"""What confines a process, call by call: by a reading of the filter, for both architectures, and by the kernel."""

from __future__ import annotations

import errno
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from prewarm.worker.confine import seccomp
from prewarm.worker.confine.calls import AARCH64, X86_64, Calls, of_machine

ALLOWED, NOT_THERE = -1, errno.ENOSYS
PID = 4242
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="what confines a process here is Linux's")


def calls_of(machine: str) -> Calls:
    found = of_machine(machine)
    assert found is not None
    return found


def answer(program: bytes, audit: int, number: int, *args: int) -> int:
    """What a filter answers, as the kernel would run it: ``ALLOWED``, or the errno."""
    data = struct.pack("=iIQ6Q", number, audit, 0, *(*args, *[0] * (6 - len(args))))
    lines = list(struct.iter_unpack("=HBBI", program))
    at = held = 0
    while True:
        code, if_so, if_not, value = lines[at]
        at += 1
        if code == 0x20:
            (held,) = struct.unpack_from("=I", data, value)
        elif code == 0x54:
            held &= value
        elif code in (0x15, 0x35):
            at += if_so if (held == value if code == 0x15 else held >= value) else if_not
        else:
            assert code == 0x06
            return ALLOWED if value == 0x7FFF0000 else value & 0xFFFF


class Filter:
    """The filter of one kind of process on one architecture."""

    def __init__(self, machine: str, *, sockets: seccomp.Sockets = "none", may_fork: bool = False) -> None:
        self.calls = calls_of(machine)
        self.program = seccomp.program(self.calls, seccomp.rules(sockets=sockets, may_fork=may_fork, pid=PID))

    def __call__(self, name: str, *args: int) -> int:
        return answer(self.program, self.calls.audit, self.calls.numbers[name], *args)


@pytest.fixture(params=[X86_64, AARCH64])
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_it_is_short_enough_for_the_kernel(machine: str) -> None:
    assert len(Filter(machine).program) // 8 < 4096


def test_the_kernels_own_state_and_other_processes_are_refused(machine: str) -> None:
    for may_fork in (False, True):
        filtered = Filter(machine, may_fork=may_fork)
        for name in seccomp.KERNEL:
            if name in filtered.calls.numbers:
                assert filtered(name) == errno.EPERM, name


def test_attributes_are_answered_as_done(machine: str) -> None:
    filtered = Filter(machine)
    for name in seccomp.ATTRIBUTES:
        if name in filtered.calls.numbers:
            assert filtered(name) == 0, name


def test_processes_are_refused_to_code_and_not_to_libraries(machine: str) -> None:
    code, library = Filter(machine), Filter(machine, may_fork=True)
    for name in seccomp.PROCESSES:
        if name in code.calls.numbers:
            assert code(name) == errno.EPERM, name
            assert library(name) == ALLOWED, name
    thread, process = 0x3D0F00, 0x1200011
    assert (code("clone", thread), code("clone", process)) == (ALLOWED, errno.EPERM)
    assert (code("clone3"), library("clone3"), library("clone", process)) == (NOT_THERE, ALLOWED, ALLOWED)
    shared, private, of_a_file = 0x21, 0x22, 0x01
    assert (code("mmap", 0, 4096, 3, shared), code("mmap", 0, 4096, 3, private)) == (errno.EPERM, ALLOWED)
    assert code("mmap", 0, 4096, 3, of_a_file) == ALLOWED
    assert (library("mmap", 0, 4096, 3, shared)) == ALLOWED


def test_signals_go_to_itself_alone(machine: str) -> None:
    code = Filter(machine)
    for name in ("kill", "tgkill", "rt_sigqueueinfo"):
        assert code(name, PID, 6) == ALLOWED
        for other in (1, 0, 0xFFFFFFFF, PID + 1):
            assert code(name, other, 9) == errno.EPERM
    assert code("tkill", PID) == errno.EPERM
    assert code("prlimit64", 0) == code("prlimit64", PID) == ALLOWED
    assert code("prlimit64", 1) == errno.EPERM


def test_its_end_with_the_parent_cannot_be_undone(machine: str) -> None:
    code = Filter(machine)
    assert code("prctl", 1, 0) == errno.EPERM
    assert code("prctl", 15) == ALLOWED, "a thread may have a name"


def test_offline_no_socket_has_an_address(machine: str) -> None:
    for may_fork in (False, True):
        filtered = Filter(machine, may_fork=may_fork)
        for name in ("connect", *seccomp.ADDRESSES):
            assert filtered(name) == errno.EACCES, name
        assert filtered("sendto", 3, 1, 1, 0, 0) == ALLOWED, "what is connected may send"
        for address in (1, 1 << 32):
            assert filtered("sendto", 3, 1, 1, 0, address) == errno.EACCES
        assert filtered("socketpair", 1, 1) == ALLOWED
        for family, found in (
            (1, ALLOWED),
            (2, ALLOWED),
            (10, ALLOWED),
            (16, errno.EAFNOSUPPORT),
            (17, errno.EAFNOSUPPORT),
        ):
            assert filtered("socket", family, 1) == found


def test_through_the_gateway_there_is_tcp_and_nothing_else(machine: str) -> None:
    filtered = Filter(machine, sockets="tcp")
    assert filtered("connect") == ALLOWED
    stream = 1 | 0x80800
    for family in (2, 10):
        assert filtered("socket", family, stream, 0) == filtered("socket", family, stream, 6) == ALLOWED
        for kind, protocol in ((2, 0), (3, 1), (1, 262), (1, 132)):
            assert filtered("socket", family, kind, protocol) == errno.EAFNOSUPPORT
    assert filtered("socket", 1, 1) == errno.EAFNOSUPPORT
    for name in seccomp.ADDRESSES:
        assert filtered(name) == errno.EACCES


def test_other_architectures_calls_are_refused(machine: str) -> None:
    filtered = Filter(machine)
    assert answer(filtered.program, 0x40000003, 3) == errno.EPERM, "32 bits"
    assert answer(filtered.program, filtered.calls.audit, 0) == ALLOWED
    if machine == X86_64:
        assert answer(filtered.program, filtered.calls.audit, 0x40000000 | 42) == errno.EPERM, "x32"


def test_a_command_of_the_users_is_kept_from_the_network_alone(machine: str) -> None:
    calls = calls_of(machine)
    for may_reach, found in ((False, errno.EACCES), (True, ALLOWED)):
        program = seccomp.program(calls, seccomp.command_rules(may_reach_tcp=may_reach))
        assert answer(program, calls.audit, calls.numbers["socket"], 2, 1, 0) == found
        assert answer(program, calls.audit, calls.numbers["socket"], 2, 2, 0) == errno.EACCES
        assert answer(program, calls.audit, calls.numbers["socket"], 1, 1, 0) == ALLOWED
        for name in ("execve", "ptrace", "connect", "sendmsg", "mount"):
            assert answer(program, calls.audit, calls.numbers[name]) == ALLOWED


def test_no_number_stands_for_two_calls(machine: str) -> None:
    numbers = calls_of(machine).numbers
    assert len(set(numbers.values())) == len(numbers)


# --- By the kernel -----------------------------------------------------------------------------------------------------

CHILD = """
import ctypes, json, os, sys
from prewarm.worker import confine
from prewarm.worker.confine import calls, landlock
given = json.loads(sys.argv[1])
if "known" in given:
    landlock.version = lambda: given["known"]
held = confine.confine(confine.Wanted(readable=given["readable"], writable=[given["folder"]], may_fork=given["fork"]))
libc = ctypes.CDLL(None, use_errno=True)
def number(name, *args):
    ctypes.set_errno(0)
    code = libc.syscall(ctypes.c_long(calls.of_machine().numbers[name]), *map(ctypes.c_long, args))
    return ctypes.get_errno() if code == -1 else 0
found = {}
for name, code in given["tries"].items():
    try:
        found[name] = eval(code)
    except OSError as error:
        found[name] = error.errno
print(json.dumps({"by": held.by, "lacks": held.lacks, "found": found}))
"""


def confined(
    tmp_path: Path, tries: dict[str, str], *, fork: bool = False, known: int | None = None
) -> dict[str, object]:
    folder, readable = tmp_path / "own", tmp_path / "readable"
    folder.mkdir(exist_ok=True)
    readable.mkdir(exist_ok=True)
    (readable / "file").write_text("there")
    (tmp_path / "file").write_text("mine")
    given = {"readable": [str(readable)], "folder": str(folder), "fork": fork, "tries": tries}
    given |= {"known": known} if known is not None else {}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, json.dumps(given)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@LINUX
def test_the_kernel_refuses_every_call_that_is_named(tmp_path: Path) -> None:
    here = of_machine()
    assert here is not None
    refused = [name for name in (*seccomp.KERNEL, *seccomp.PROCESSES) if name in here.numbers]
    tries = {name: f"number({name!r}, 0, 0, 0, 0)" for name in refused}
    found = confined(tmp_path, tries)["found"]
    assert found == dict.fromkeys(refused, errno.EPERM)


@LINUX
@pytest.mark.parametrize("fork", [False, True])
def test_the_kernel_refuses_files_that_are_not_named(tmp_path: Path, fork: bool) -> None:
    tries = {
        "read": f"len(open({str(tmp_path / 'readable/file')!r}).read())",
        "other": f"len(open({str(tmp_path / 'file')!r}).read())",
        "listing": f"len(os.listdir({str(tmp_path)!r}))",
        "write": f"open({str(tmp_path / 'readable/new')!r}, 'w').write('x')",
        "cut": f"os.truncate({str(tmp_path / 'readable/file')!r}, 0)",
        "own": f"open({str(tmp_path / 'own/new')!r}, 'w').write('xy')",
        "link": f"os.link({str(tmp_path / 'readable/file')!r}, {str(tmp_path / 'own/link')!r})",
        "renamed": f"os.rename({str(tmp_path / 'readable/file')!r}, {str(tmp_path / 'own/file')!r})",
        "parent": "len(open(f'/proc/{os.getppid()}/status').read())",
        "null": "open('/dev/null', 'w').write('abc')",
    }
    said = confined(tmp_path, tries, fork=fork)
    assert said["lacks"] == []
    denied = errno.EACCES
    assert said["found"] == {
        "read": 5, "other": denied, "listing": denied, "write": denied, "cut": denied, "own": 2, "link": errno.EXDEV,
        "renamed": errno.EACCES, "parent": denied, "null": 3,
    }  # fmt: skip


@LINUX
@pytest.mark.parametrize(
    ("known", "fork", "lacks"),
    [
        (0, False, ["files of this account can be read and written"]),
        (1, False, ["files of this account can be read and written"]),
        (2, False, ["files of this account can be read and written"]),
        (3, False, []),
        (4, False, []),
        (5, True, ["signals can be sent to processes of this account"]),
        (6, True, []),
    ],
)
def test_older_kernels_are_said_to_hold_less(tmp_path: Path, known: int, fork: bool, lacks: list[str]) -> None:
    tries = {
        "other": f"len(open({str(tmp_path / 'file')!r}).read())",
        "net": "number('connect', 0, 0, 0)",
        "cut": f"os.truncate({str(tmp_path / 'readable/file')!r}, 0)",
    }
    said = confined(tmp_path, tries, known=known, fork=fork)
    found = said["found"]
    assert isinstance(found, dict)
    assert said["lacks"] == lacks
    assert found["other"] == (errno.EACCES if known >= 1 else 4)
    assert found["net"] == errno.EACCES
    assert found["cut"] == (errno.EACCES if known >= 3 else None)


@LINUX
def test_the_numbers_are_those_of_the_kernels_headers() -> None:
    """Where they are installed; aarch64's were compared with Debian's ``linux-libc-dev`` for arm64."""
    import re

    headers = {
        X86_64: Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        AARCH64: Path("/usr/include/asm-generic/unistd.h"),
    }
    for machine, header in headers.items():
        text = header.read_text() if header.exists() else ""
        named = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}
        for name, number in calls_of(machine).numbers.items():
            assert named.get(name, number) == number, (machine, name)
