"""A process that cannot: what it may read, write, reach, start and take, by what the system has for it.

Called by the process itself, before it imports what it does not trust, and while it has one thread. Linux: Landlock for
files, TCP and signals, seccomp for everything else, no capabilities, limits. What a system does not have is told in
words, and is for whoever asks to judge. Nothing here can be undone.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from prewarm.records.confinement import FILES, MEMORY, NETWORK, PROCESSES, SAME_PORT, SIGNALS, Confinement
from prewarm.worker.confine import landlock, needed, process, seccomp
from prewarm.worker.confine.calls import of_machine
from prewarm.worker.confine.seccomp import Sockets


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How a process is to be confined; words and numbers alone, as it comes from another process."""

    readable: Sequence[str] = ()
    """Files and folders beside those of the system, the interpreter and its packages."""
    writable: Sequence[str] = ()
    """Folders."""
    may_fork: bool = False
    """Whether it may start other processes: they are confined as it is."""
    memory_bytes: int | None = None
    """Of its data; None: not bounded."""
    file_bytes: int = 1 << 40
    """Of one file that it writes."""

    def written_to(self, folder: Path) -> Path:
        """A file in ``folder`` that says so, for ``read_from``."""
        path = folder / "confine.json"
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")
        return path

    @classmethod
    def read_from(cls, path: Path) -> Wanted:
        """What another process has written."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def confine(wanted: Wanted, *, port: int | None = None, has_own_network: bool = False) -> Confinement:
    """Confine this process and all that it starts.

    Args:
        wanted: what it may.
        port: of TCP on loopback, that it may reach; None: nothing.
        has_own_network: whether its network has nothing but that port.
    """
    by: list[str] = ["a network of its own"] if has_own_network else []
    lacks: list[str] = []
    if process.limit(memory_bytes=wanted.memory_bytes, file_bytes=wanted.file_bytes):
        by.append("limits")
    else:
        lacks.append(MEMORY)
    is_alone = _without_rights()
    known = landlock.version() if is_alone else 0
    if known >= landlock.FILES:
        try:
            landlock.restrict(
                known,
                readable=[*needed.readable(), *map(Path, wanted.readable)],
                writable=[Path(name) for name in wanted.writable],
                devices=needed.devices(),
                port=port,
            )
        except OSError:
            known = 0
    by += ["Landlock"] if known >= landlock.FILES else []
    lacks += [] if known >= landlock.TRUNCATION else [FILES]
    if is_alone:
        # Last: changes of rights undo it.
        process.end_with_parent()
    is_filtered = is_alone and _filter("none" if port is None else "tcp", may_fork=wanted.may_fork)
    by += ["seccomp"] if is_filtered else []
    if not is_filtered:
        lacks.append(PROCESSES)
    if known < landlock.SCOPES and (wanted.may_fork or not is_filtered):
        lacks.append(SIGNALS)
    lacks += _open_network(port, has_own_network=has_own_network, is_filtered=is_filtered, known=known)
    return Confinement(by=tuple(by), lacks=tuple(lacks))


def bar_network(port: int | None) -> bool:
    """Refuse this process, and all that it starts, every socket but those to one TCP port; whether it could be done.

    For commands of the user's own, which may do with files and processes what they want. Where the network is no
    process's own: with a port, other hosts can be reached at it.
    """
    if sys.platform != "linux" or not process.no_new_rights():
        return False
    known = landlock.version()
    if port is not None and known < landlock.TCP:
        return False
    with suppress(OSError):
        if known >= landlock.TCP:
            landlock.restrict(known, readable=None, port=port, bars_signals=False)
        return _load(seccomp.command_rules(may_reach_tcp=port is not None))
    return False


def _open_network(port: int | None, *, has_own_network: bool, is_filtered: bool, known: int) -> list[str]:
    if has_own_network:
        return []
    if not is_filtered:
        return [NETWORK]
    if port is None:
        return []
    return [SAME_PORT] if known >= landlock.TCP else [NETWORK]


def _without_rights() -> bool:
    if sys.platform != "linux":
        return False
    try:
        process.drop_rights()
    except OSError:
        return False
    return True


def _filter(sockets: Sockets, *, may_fork: bool) -> bool:
    return _load(seccomp.rules(sockets=sockets, may_fork=may_fork, pid=os.getpid()))


def _load(rules: Sequence[seccomp.Rule]) -> bool:
    calls = of_machine()
    if calls is None:
        return False
    try:
        seccomp.load(seccomp.program(calls, rules))
    except OSError:
        return False
    return True
