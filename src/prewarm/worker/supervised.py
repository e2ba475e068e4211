"""A command with a supervisor of its own, and how both end. Changes with what systems have for it."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prewarm.worker import supervisor

_END_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a command and all that it starts may take; 0: what they want."""

    memory_bytes: int = 0
    """Resident, of all together."""
    processes: int = 0
    folders: tuple[Path, ...] = ()
    """Where they may write."""
    folder_bytes: int = 0
    """Of all folders together."""


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
        # Ours closes with this process, whatever ends it.
        theirs, ours = os.pipe()
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

    def poll(self) -> int | None:
        """As of ``subprocess.Popen``: the code that it has ended with."""
        return self.process.poll()

    def tell(self, line: str) -> None:
        """Write a line to its standard input, which is a pipe.

        Raises:
            OSError, ValueError: it has ended, or was ended.
        """
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def listen(self) -> queue.Queue[str | None]:
        """The lines of its standard output, which is a pipe, as they come; None: it has closed it."""
        lines: queue.Queue[str | None] = queue.Queue()

        def hear() -> None:
            assert self.process.stdout is not None
            with contextlib.suppress(ValueError, OSError):
                for line in self.process.stdout:
                    lines.put(line.rstrip("\n"))
            lines.put(None)

        threading.Thread(target=hear, daemon=True).start()
        return lines

    def end(self) -> None:
        """End it with all that it has started, and wait for that; it may have ended already."""
        if self._line is not None:
            with contextlib.suppress(OSError):
                os.close(self._line)
            self._line = None
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=_END_S)
        _kill(self.process)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def _kill(process: subprocess.Popen[Any]) -> None:
    """End a process that has a session of its own, with all that is in it, and wait for it."""
    with contextlib.suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _words(bounds: Bounds) -> list[str]:
    words = ["--memory", str(bounds.memory_bytes), "--processes", str(bounds.processes)]
    return [*words, *(word for one in bounds.folders for word in ("--folder", str(one), str(bounds.folder_bytes)))]
