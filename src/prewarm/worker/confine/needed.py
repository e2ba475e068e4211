"""The files that an interpreter and its libraries open, wherever they are installed. Changes with what they open."""

from __future__ import annotations

import contextlib
import json
import sys
import sysconfig
from pathlib import Path
from urllib.parse import unquote, urlsplit

_SYSTEM = (
    "/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/opt", "/nix/store", "/System", "/Library",
    "/etc/alternatives", "/etc/ca-certificates", "/etc/ssl", "/etc/pki", "/etc/crypto-policies", "/etc/fonts",
    "/etc/group", "/etc/hosts", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime",
    "/etc/machine-id", "/etc/magic", "/etc/mime.types", "/etc/nsswitch.conf", "/etc/OpenCL", "/etc/os-release",
    "/etc/passwd", "/etc/resolv.conf", "/etc/timezone", "/etc/vulkan",
    "/proc/cpuinfo", "/proc/meminfo", "/proc/filesystems", "/proc/stat", "/proc/version", "/proc/driver/nvidia",
    "/proc/sys/kernel", "/proc/sys/vm", "/sys/devices", "/sys/fs/cgroup", "/sys/class/drm", "/sys/bus/pci",
    "/sys/module/nvidia", "/run/opengl-driver",
)  # fmt: skip
_DEVICES = ("null", "zero", "full", "random", "urandom")
_ACCELERATORS = ("nvidia*", "kfd", "dri", "accel", "neuron*", "davinci*")


def readable() -> list[Path]:
    """Folders and files of the system, the interpreter and every package that it can import."""
    found = [Path(name) for name in _SYSTEM]
    # The kernel answers for the process that asks; the others' folders beside it stay closed.
    found.append(Path("/proc/self").resolve())
    found += [Path(name) for name in (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)]
    found += [Path(name) for name in sysconfig.get_paths().values()]
    found.append(Path(sys.executable).resolve().parent)
    found += [Path(name) for name in sys.path if name and Path(name).is_absolute()]
    return [*found, *_editable(found)]


def devices() -> list[Path]:
    """What is opened to be written to: in ``/dev``, and the count of this process's own memory."""
    there = Path("/dev")
    own = [Path("/proc/self").resolve() / "clear_refs"]
    return [*own, *(there / name for name in _DEVICES), *(path for glob in _ACCELERATORS for path in there.glob(glob))]


def _editable(known: list[Path]) -> list[Path]:
    """Packages that are installed where they are written, and are found by something else than the path."""
    found = []
    for finder in sys.meta_path:
        # setuptools: a table of packages, beside the class.
        table = getattr(sys.modules.get(getattr(finder, "__module__", "")), "MAPPING", None)
        found += [Path(folder) for folder in table.values()] if isinstance(table, dict) else []
    for place in {Path(name) for name in sys.path if name}:
        for said in place.glob("*.dist-info/direct_url.json"):
            root = _written_at(said)
            if root is not None and not any(path.is_relative_to(root) for path in [*known, *found]):
                # Another tool's: where in the project its packages are, only its finder knows.
                found.append(root)
    return found


def _written_at(said: Path) -> Path | None:
    with contextlib.suppress(OSError, ValueError, AttributeError, KeyError):
        content = json.loads(said.read_text(encoding="utf-8"))
        if content.get("dir_info", {}).get("editable"):
            return Path(unquote(urlsplit(content["url"]).path))
    return None
