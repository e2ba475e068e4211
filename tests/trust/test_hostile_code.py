"""Code of a repository that tries everything that it should not be able to do, while it is loaded for the proof."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import own_code
from conftest import TOKEN, Prewarm
from prewarm.localhub import LocalHub, Repository

pytestmark = [
    pytest.mark.models,
    pytest.mark.skipif(sys.platform != "linux", reason="what confines a process here is Linux's"),
]

TRY = """
import ctypes, json, os, signal, socket, struct, subprocess, sys, threading
given = json.loads({given!r})
libc = ctypes.CDLL(None, use_errno=True)
succeeded = []
def attempt(name, call):
    try:
        if call():
            succeeded.append(name)
    except BaseException:
        pass
def reads(path): return bool(open(path, "rb").read(1)) or True
def writes(path):
    open(path, "ab").write(b"x")
    return True
def address(port): return struct.pack("=HH4s8x", socket.AF_INET, socket.htons(port), socket.inet_aton("127.0.0.1"))
"""
ATTACKS = {
    "the token file": "reads(given['token'])",
    "a file of the user's": "reads(given['secret'])",
    "the working directory": "os.listdir(given['folder'])",
    "the parent's environment": "reads(f'/proc/{os.getppid()}/environ')",
    "another process's environment": "reads(f'/proc/{given[\"prewarm\"]}/environ')",
    "all processes' environments": "[reads(f'/proc/{pid}/environ') for pid in os.listdir('/proc') if pid.isdigit()]",
    "the parent's memory": "reads(f'/proc/{os.getppid()}/mem')",
    "the parent by ptrace": "libc.ptrace(16, os.getppid(), 0, 0) == 0",
    "a secret in the environment": "[name for name, value in os.environ.items() if given['value'] in value]",
    "the manifest": "writes(given['manifest'])",
    "a file in the working directory": "writes(given['folder'] + '/planted')",
    "a file at home": "writes(os.path.expanduser('~root/planted')) if os.geteuid() == 0 else False",
    "another repository's blob": "writes(given['blob'])",
    "its own blob": "writes(__import__('glob').glob(os.environ['HF_HUB_CACHE'] + '/models--org--own/blobs/*')[0])",
    "another repository's snapshot": "os.symlink('/etc/passwd', os.path.dirname(given['pointer']) + '/planted') is None",
    "a blob that is cut": "os.truncate(given['blob'], 0) is None",
    "a blob that is renamed": "os.rename(given['blob'], given['blob'] + '.gone') is None",
    "shared memory": "writes('/dev/shm/planted')",
    "the system's shared memory": "libc.shmget(77, 4096, 0o1777) != -1",
    "a library": "writes(json.__file__)",
    "the temporary folder": "writes('/tmp/planted')",
    "TCP": "socket.create_connection(('127.0.0.1', given['tcp']), timeout=3)",
    "TCP by ctypes": "libc.connect(libc.socket(2, 1, 0), address(given['tcp']), 16) == 0",
    "TCP by a call of the kernel": "libc.syscall(42, libc.socket(2, 1, 0), address(given['tcp']), 16) == 0",
    "UDP": "socket.socket(type=socket.SOCK_DGRAM).sendto(b'out', ('127.0.0.1', given['udp']))",
    "UDP by sendmsg": "socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'out'], [], 0, ('127.0.0.1', given['udp']))",
    "fast open": "socket.socket().sendto(b'out', 0x20000000, ('127.0.0.1', given['tcp']))",
    "a listening socket": "socket.create_server(('127.0.0.1', 0))",
    "a socket by its path": "socket.socket(socket.AF_UNIX).connect(given['unix']) is None",
    "an abstract socket": "socket.socket(socket.AF_UNIX).connect('\\0' + given['abstract']) is None",
    "a raw socket": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "the hook's own list": "(sys.modules['__main__'].answering.append(('127.0.0.1', given['tcp'])), "
    "socket.create_connection(('127.0.0.1', given['tcp']), timeout=3))",
    "a child process": "subprocess.run([sys.executable, '-c', 'pass']).returncode == 0",
    "a shell": "os.system('true') == 0",
    "a fork": "os.fork() == 0 and os._exit(0)",
    "a fork by ctypes": "libc.fork() >= 0",
    "a session": "os.setsid() is None",
    "another program in its place": "os.execv('/bin/true', ['true'])",
    "a program in memory": "os.memfd_create('planted')",
    "a signal to its parent": "os.kill(os.getppid(), 0) is None",
    "a signal to prewarm": "os.kill(given['prewarm'], 0) is None",
    "a signal to a group": "os.killpg(given['prewarm'], 0) is None",
    "its own end with the parent": "libc.prctl(1, 0, 0, 0, 0) == 0",
    "a namespace": "libc.unshare(0x10000000) == 0",
    "another process's limits": "__import__('resource').prlimit(given['prewarm'], 7) and True",
    "a larger limit": "__import__('resource').setrlimit(2, (1 << 60, 1 << 60)) is None",
    "another's file mode": "os.chmod(given['secret'], 0o777) is None and os.stat(given['secret']).st_mode & 0o77",
    "the terminal": "open('/dev/tty', 'w')",
    "a descriptor of the parent's": "[os.readlink(f'/proc/self/fd/{fd}') for fd in os.listdir('/proc/self/fd') "
    "if int(fd) > 2 and given['folder'] + '/prewarm' in os.readlink(f'/proc/self/fd/{fd}')]",
    "io_uring": "libc.syscall(425, 1, ctypes.create_string_buffer(120)) != -1",
    "eBPF": "libc.syscall(321, 0, ctypes.create_string_buffer(120), 120) != -1",
    "the kernel's keys": "libc.syscall(250, 0, -3, 1) != -1",
}
OTHER = '[[advanced]]\nid = "org/other"\ninclude = ["other.bin"]\n'


class World:
    """What an attacker would reach for, and what was reached."""

    def __init__(self, prewarm: Prewarm, folder: Path) -> None:
        self.reached: list[str] = []
        self.prewarm = prewarm
        self._sockets: list[socket.socket] = []
        secret = folder / "secret.txt"
        secret.write_text("mine")
        secret.chmod(0o600)
        token = prewarm.home / "token"
        token.parent.mkdir(exist_ok=True)
        token.write_text(TOKEN)
        self.given: dict[str, Any] = {
            "token": str(token),
            "secret": str(secret),
            "folder": str(prewarm.folder),
            "manifest": str(prewarm.folder / "prewarm.toml"),
            "value": "TokenOfTheTests",
            "prewarm": os.getpid(),
            "tcp": self._listen("TCP", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))[1],
            "udp": self._listen("UDP", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))[1],
            "unix": self._listen("Unix", socket.AF_UNIX, socket.SOCK_STREAM, str(folder / "socket")),
            "abstract": f"prewarm-{os.getpid()}-{id(self)}",
        }
        self._listen("abstract", socket.AF_UNIX, socket.SOCK_STREAM, "\0" + self.given["abstract"])

    def _listen(self, name: str, family: int, kind: int, address: Any) -> Any:
        opened = socket.socket(family, kind)
        opened.bind(address)
        if kind == socket.SOCK_STREAM:
            opened.listen()
        self._sockets.append(opened)

        def wait() -> None:
            with contextlib.suppress(OSError):
                opened.accept() if kind == socket.SOCK_STREAM else opened.recv(100)
                self.reached.append(name)

        threading.Thread(target=wait, daemon=True).start()
        return opened.getsockname()

    def close(self) -> None:
        for opened in self._sockets:
            opened.close()


@pytest.fixture
def world(prewarm: Prewarm, serve: Callable[..., Repository], tmp_path: Path) -> Iterator[World]:
    serve("org/other", {"other.bin": b"o" * 1000})
    prewarm.manifest(OTHER)
    assert prewarm().code == 0
    made = World(prewarm, tmp_path)
    (pointer,) = prewarm.cache.glob("models--org--other/snapshots/*/other.bin")
    made.given.update(pointer=str(pointer), blob=str(pointer.resolve()))
    prewarm.environ.update(HF_TOKEN=TOKEN, MY_SERVICE_KEY=f"a {TOKEN}", https_proxy=f"http://u:{TOKEN}@127.0.0.1:9")
    yield made
    made.close()


def attacks(world: World, names: list[str]) -> str:
    tries = "".join(f"attempt({name!r}, lambda: {ATTACKS[name]})\n" for name in names)
    return TRY.replace("{given!r}", repr(json.dumps(world.given))) + tries


@pytest.mark.parametrize("place", ["as it is", "in a container"])
def test_nothing_that_it_tries_succeeds_and_it_is_loaded_all_the_same(
    world: World, prewarm: Prewarm, serve: Callable[..., Repository], own_weights: bytes, place: str
) -> None:
    if place == "in a container":
        prewarm.in_a_container()
    end = "assert not succeeded, 'succeeded: ' + ', '.join(succeeded)\n"
    serve("org/own", own_code.repository(own_weights, attacks(world, list(ATTACKS)) + end + own_code.CODE))
    prewarm.manifest(own_code.ENTRY + OTHER)
    kept = Path(world.given["blob"]).read_bytes()
    done = prewarm("--json")
    own = done.entry("org/own")
    said = str(own["error"])
    assert "succeeded" not in said, said
    # Tries by Python's own sockets are seen, and are its failure; nothing else is.
    assert own["error"] is None or "asks the network" in said, said
    assert not world.reached
    assert Path(world.given["blob"]).read_bytes() == kept
    assert not [path.name for path in prewarm.folder.iterdir() if "planted" in path.name]
    assert not Path("/tmp/planted").exists()
    assert done.entry("org/other")["ready"]


def test_without_tries_of_the_network_it_is_proven_and_the_report_says_by_what_it_was_held(
    world: World, prewarm: Prewarm, serve: Callable[..., Repository], own_weights: bytes
) -> None:
    by_python = ("TCP", "UDP", "UDP by sendmsg", "fast open", "a socket", "an abstract", "the hook", "a listening")
    names = [name for name in ATTACKS if not name.startswith(by_python) or "ctypes" in name]
    end = "assert not succeeded, 'succeeded: ' + ', '.join(succeeded)\n"
    serve("org/own", own_code.repository(own_weights, attacks(world, names) + end + own_code.CODE))
    prewarm.manifest(own_code.ENTRY + OTHER)
    done = prewarm("--json")
    own = done.entry("org/own")
    assert own["status"] == "proven", own["error"]
    assert own["proof"]["confinement"] == {"by": ["limits", "Landlock", "seccomp"], "lacks": []}
    assert not world.reached


def test_without_confinement_they_do_succeed(
    world: World, prewarm: Prewarm, serve: Callable[..., Repository], own_weights: bytes
) -> None:
    """That the attacks are attacks."""
    names = ["the token file", "a file of the user's", "a child process", "a signal to prewarm"]
    end = "raise ImportError('succeeded: ' + ', '.join(succeeded))\n"
    serve("org/own", own_code.repository(own_weights, attacks(world, names) + end + own_code.CODE))
    prewarm.manifest(f'{own_code.ENTRY}{OTHER}\n[settings]\nconfinement = "none"\n')
    error = prewarm("--json").entry("org/own")["error"]["message"]
    for name in names:
        assert name in error


DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        open({mark!r}, 'w').write(str(os.getpid()))
        time.sleep(600)
    os._exit(0)
time.sleep(1)
"""


@pytest.mark.parametrize("mode", ["strongest", "none"])
def test_no_process_outlives_the_run(
    prewarm: Prewarm, serve: Callable[..., Repository], own_weights: bytes, tmp_path: Path, mode: str
) -> None:
    mark = tmp_path / "daemon"
    serve("org/own", own_code.repository(own_weights, DAEMON.replace("{mark!r}", repr(str(mark))) + own_code.CODE))
    prewarm.manifest(own_code.ENTRY + f'[settings]\nconfinement = "{mode}"\n')
    prewarm()
    if mode == "strongest":
        assert not mark.exists()
        return
    pid = int(mark.read_text())
    for _ in range(50):
        if not Path(f"/proc/{pid}").exists():
            break
        time.sleep(0.1)
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (("def deeper(held):\n    return deeper([held, bytes(10_000)])\n"
         "import sys; sys.setrecursionlimit(10**9)\ntry: deeper([])\nexcept MemoryError: raise MemoryError('out')\n"), ""),
        ("held = []\nwhile True: held.append(bytearray(10**7))\n", "memory"),
        (("import mmap\nheld = []\nwhile True:\n    part = mmap.mmap(-1, 10**7, flags=mmap.MAP_PRIVATE)\n"
         "    part.write(b'x' * 10**7)\n    held.append(part)\n"), "memory"),
    ],
    ids=["recursion", "objects", "maps"],
)  # fmt: skip
def test_memory_is_bounded(
    prewarm: Prewarm, serve: Callable[..., Repository], own_weights: bytes, code: str, said: str
) -> None:
    serve("org/own", own_code.repository(own_weights, code + own_code.CODE))
    prewarm.manifest(own_code.ENTRY + '[settings]\nworker_memory = "2 GB"\nproof_timeout = "120s"\n')
    done = prewarm("--json")
    error = done.entry("org/own")["error"]
    assert error["kind"] == "load-error", error
    assert said in error["message"].lower() or "died with signal" in error["message"], error


def test_its_folder_is_bounded(prewarm: Prewarm, serve: Callable[..., Repository], own_weights: bytes) -> None:
    code = (
        "import os, tempfile\nfor at in range(10**7):\n"
        "    with open(f'{tempfile.gettempdir()}/{at}', 'wb') as file: file.write(bytes(64 << 20))\n"
    )
    serve("org/own", own_code.repository(own_weights, code + own_code.CODE))
    prewarm.manifest(own_code.ENTRY)
    error = prewarm("--json").entry("org/own")["error"]
    assert error["kind"] == "unsafe"
    assert "of files" in error["message"]


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ((), ""),
        (("landlock",), "files of this account can be read and written"),
        (("seccomp",), "further processes can be started, and outlive it; the network can be reached"),
        (("landlock", "seccomp"), "files of this account can be read and written"),
    ],
    ids=["nothing", "Landlock", "seccomp", "both"],
)
def test_required_refuses_what_the_machine_cannot_hold_and_strongest_says_so(
    prewarm: Prewarm, serve: Callable[..., Repository], own_weights: bytes, lacking: tuple[str, ...], said: str
) -> None:
    serve("org/own", own_code.repository(own_weights, own_code.CODE))
    serve("org/other", {"other.bin": b"o"})
    prewarm.in_a_container(*lacking)
    prewarm.manifest(f'{own_code.ENTRY}{OTHER}\n[settings]\nconfinement = "required"\n')
    done = prewarm("--json")
    own = done.entry("org/own")
    assert done.entry("org/other")["ready"]
    if not lacking:
        # In a container the network of a discovery is held by the port alone, and what follows needs none.
        said = "other hosts can be reached at one port"
    assert own["error"]["kind"] == "unsafe", own
    assert said in own["error"]["message"]
    assert 'confinement = "strongest"' in own["error"]["hint"]
    prewarm.manifest(f'{own_code.ENTRY}{OTHER}\n[settings]\nconfinement = "strongest"\n')
    done = prewarm()
    assert done.code == 0, done.err
    assert ("what this machine did not keep the loaded code from" in done.out) == bool(lacking)
    if not lacking:
        assert "its code was not kept from this: other hosts can be reached at one port" in done.out.replace("\n", " ")
    prewarm.within = []
    prewarm.manifest(f'{own_code.ENTRY}{OTHER}\n[settings]\nconfinement = "required"\n')
    assert prewarm("--prove").code == 0, "this machine has all of it"


def test_code_that_has_changed_its_own_files_is_found_where_nothing_held_it(
    prewarm: Prewarm, serve: Callable[..., Repository], hub: LocalHub, own_weights: bytes
) -> None:
    code = (
        "import glob, os\n"
        "for blob in glob.glob(os.environ['HF_HUB_CACHE'] + '/models--org--own/blobs/*'):\n"
        "    data, stat = open(blob, 'rb').read(), os.stat(blob)\n"
        "    if b'layer.weight' in data and not os.path.islink(blob):\n"
        "        open(blob, 'wb').write(data[:-1] + b'!')\n"
        "        os.utime(blob, ns=(stat.st_atime_ns, stat.st_mtime_ns))\n"
    )
    serve("org/own", own_code.repository(own_weights, code + own_code.CODE))
    prewarm.manifest(own_code.ENTRY + '[settings]\nconfinement = "none"\n')
    error = prewarm("--json").entry("org/own")["error"]
    assert error["kind"] == "corrupt"
    assert "changed while it was loaded" in error["message"]
