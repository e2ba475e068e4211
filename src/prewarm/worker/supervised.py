"""A command with a supervisor of its own, and how both end. Changes with what systems have for it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from prewarm.worker import supervisor
from prewarm.worker.processes import kill_group

_END_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a command and all that it starts may take; 0: what they want."""

    memory_bytes: int = 0
    """Resident, of all together."""
    processes: int = 0
    folder: Path | None = None
    """Where they may write."""
    folder_bytes: int = 0


UNBOUNDED = Bounds()


class Supervised:
    """A running command.

    Args:
        command: the program with its path, and its arguments.
        python: the interpreter for the supervisor.
        env: the command's environment.
        bounds: of it and all that it starts.
        passed: descriptors that it gets.
        streams: as of ``subprocess.Popen``: ``stdin``, ``stdout``, ``stderr``, ``cwd``, ``text``.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        python: str,
        env: Mapping[str, str],
        bounds: Bounds = UNBOUNDED,
        passed: Sequence[int] = (),
        **streams: Any,
    ) -> None:
        self._line: int | None = None
        if os.name != "posix":
            self.process: subprocess.Popen[Any] = subprocess.Popen(list(command), env=dict(env), **streams)
            return
        ours, theirs = _line()
        try:
            self.process = subprocess.Popen(
                [python, "-I", "-S", supervisor.__file__, "--line", str(theirs), *_words(bounds), "--", *command],
                env=dict(env),
                pass_fds=[*passed, theirs],
                start_new_session=True,
                **streams,
            )
        except OSError:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        self._line = ours

    @property
    def stdin(self) -> IO[Any] | None:
        """Of the command."""
        return self.process.stdin

    def poll(self) -> int | None:
        """As of ``subprocess.Popen``: the code that it has ended with."""
        return self.process.poll()

    def end(self) -> None:
        """End it with all that it has started, and wait for that; it may have ended already."""
        if self._line is not None:
            with contextlib.suppress(OSError):
                os.close(self._line)
            self._line = None
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=_END_S)
        kill_group(self.process)


def _line() -> tuple[int, int]:
    """Our end, which closes with this process, and the supervisor's."""
    theirs, ours = os.pipe()
    return ours, theirs


def _words(bounds: Bounds) -> list[str]:
    words = ["--memory", str(bounds.memory_bytes), "--processes", str(bounds.processes)]
    return words if bounds.folder is None else [*words, "--folder", str(bounds.folder), str(bounds.folder_bytes)]
