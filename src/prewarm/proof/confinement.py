"""How far a process that loads models is confined. Changes with what loading needs, and with what is at stake.

Classes of the installed libraries may start processes, and read the application's folder; code of a repository may not.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from prewarm.proof.environment import named_folders
from prewarm.records.confinement import ConfinementMode
from prewarm.records.proof import ProofRequest
from prewarm.worker.confine import Wanted
from prewarm.worker.supervised import Bounds

_LIBRARIES_BYTES = 3 << 30
"""torch, transformers and what they take for themselves, with room."""
_FILES_TIMES = 5
"""Memory for a model of N bytes: its weights twice, and in another type."""
_WRITTEN_BYTES = 4 << 30
_PROCESSES = 512
_MADE_TIMES = 4
_OF_THE_MACHINE = 0.9


@dataclass(frozen=True, kw_only=True)
class Confining:
    """What a process may have.

    Args:
        mode: ``none``: it is not confined.
        wanted: what it confines itself to.
        bounds: what its supervisor looks at.
        folder: the application's, where it may be in; None: it is in its own.
        written: folders outside of its own that it may write to.
    """

    mode: ConfinementMode
    wanted: Wanted
    bounds: Bounds
    folder: Path | None
    written: tuple[Path, ...] = ()

    def writing_to(self, folder: Path) -> Confining:
        """The same, with one more folder to write to: what weights of half the bits become in it has room."""
        wanted = replace(
            self.wanted,
            writable=[*self.wanted.writable, str(folder)],
            file_bytes=_MADE_TIMES * self.wanted.file_bytes,
        )
        bounds = replace(self.bounds, folder_bytes=_MADE_TIMES * self.bounds.folder_bytes)
        return replace(self, wanted=wanted, bounds=bounds, written=(*self.written, folder))


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What the user has chosen.

    Args:
        mode: ``strongest``: what the machine has; ``required``: code of repositories is not run without all of it.
        memory_bytes: for one process; None: from the sizes of the files and the machine.
        cache: what is read.
        environ: the user's environment.
    """

    mode: ConfinementMode
    memory_bytes: int | None
    cache: Path
    environ: Mapping[str, str]

    def shared(self) -> Confining:
        """For the classes of the installed libraries."""
        return self._confining(self.memory_bytes or _machine_bytes(), files_bytes=None, is_code=False, at=_here())

    def of(self, request: ProofRequest) -> Confining:
        """For one entry."""
        is_code = request.entry.trust_remote_code
        if not is_code:
            return self.shared()
        most = self.memory_bytes or min(_machine_bytes(), _LIBRARIES_BYTES + _FILES_TIMES * request.bytes)
        here = _here()
        is_own = here is not None and _is_in(here, request.entry.foreign_class)
        return self._confining(most, files_bytes=request.bytes, is_code=True, at=here if is_own else None)

    def _confining(self, memory: int, *, files_bytes: int | None, is_code: bool, at: Path | None) -> Confining:
        readable = [str(self.cache), *named_folders(self.environ), *([str(at)] if at else [])]
        written = _WRITTEN_BYTES + (files_bytes or 0)
        return Confining(
            mode=self.mode,
            wanted=Wanted(
                readable=readable,
                may_fork=not is_code,
                memory_bytes=memory if is_code else None,
                file_bytes=written if is_code else 1 << 50,
            ),
            bounds=Bounds(memory_bytes=memory, processes=_PROCESSES, folder_bytes=written if is_code else 0),
            folder=at,
        )


def _here() -> Path | None:
    """The application's folder; None: it is gone."""
    try:
        return Path.cwd()
    except OSError:
        return None


def _is_in(folder: Path, foreign_class: str | None) -> bool:
    """Whether a class is the application's own."""
    package = (foreign_class or "").partition(":")[0].partition(".")[0]
    if not package:
        return False
    try:
        installed = find_spec(package)
    except (ImportError, ValueError):
        installed = None
    return (installed is None or installed.origin is None or Path(installed.origin).is_relative_to(folder)) and any(
        (folder / name).exists() for name in (package, f"{package}.py")
    )


def _machine_bytes() -> int:
    """The memory that may be taken: most of the machine's, or of the container's."""
    found = []
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            found.append(int(Path(name).read_text(encoding="ascii")))
        except (OSError, ValueError):
            continue
    try:
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):
        found.append(1 << 50)
    return int(min(found) * _OF_THE_MACHINE)
