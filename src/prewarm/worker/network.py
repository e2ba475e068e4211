"""A network of the process's own, in which nothing answers but what is let in. Changes with what systems offer for it.

Linux: a network namespace (network_namespaces(7)). Loopback exists in it, and no way out. A socket that listens in it
can be handed to a process outside, which then answers: that is the one door.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import struct
import sys
from pathlib import Path

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_BACKLOG = 128
_WORD_BYTES = 4096
INSIDE, OUTSIDE = b"inside", b"outside"


def leave() -> bool:
    """Go into a network of this process's own; False where the system does not let it. Before there are threads."""
    if sys.platform != "linux":
        return False
    # Root keeps its rights over other users' files only without a user namespace.
    is_root = os.geteuid() == 0
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET if is_root else _CLONE_NEWNET | _CLONE_NEWUSER) != 0:
        return False
    with contextlib.suppress(OSError):
        if not is_root:
            own = Path("/proc/self")
            (own / "setgroups").write_text("deny", encoding="ascii")
            (own / "uid_map").write_text(f"{user} {user} 1", encoding="ascii")
            (own / "gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    with contextlib.suppress(OSError):
        _raise_loopback()
    return True


def _raise_loopback() -> None:
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as some:
        flags = fcntl.ioctl(some, _SIOCGIFFLAGS, struct.pack("16sh22x", b"lo", 0))
        raised = struct.unpack("16sh22x", flags)[1] | _IFF_UP
        fcntl.ioctl(some, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", raised))


def enter(descriptor: int) -> tuple[str, bool]:
    """Go through the door that ``descriptor`` is the inner end of.

    Returns:
        The address that answers, and whether the system bars all others.
    """
    with socket.socket(fileno=descriptor) as door:
        is_barred = leave()
        if is_barred:
            with socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG) as listening:
                socket.send_fds(door, [INSIDE], [listening.fileno()])
        else:
            door.sendall(OUTSIDE)
        return door.recv(_WORD_BYTES).decode(), is_barred


def knock(descriptor: int) -> str:
    """As ``enter``, in the network as it is: gives the address that answers."""
    with socket.socket(fileno=descriptor) as door:
        door.sendall(OUTSIDE)
        return door.recv(_WORD_BYTES).decode()


def let_in(outer: socket.socket) -> socket.socket:
    """The socket to answer on, for whoever has the outer end; it listens.

    Raises:
        OSError: nobody came through the door.
    """
    said, descriptors, _, _ = socket.recv_fds(outer, _WORD_BYTES, 1)
    if said == INSIDE and descriptors:
        return socket.socket(fileno=descriptors[0])
    if said != OUTSIDE:
        raise OSError("nobody came through the door")
    return socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
