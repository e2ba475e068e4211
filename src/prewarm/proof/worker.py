"""One process that loads models, the folder that it is talked to by, and how it died. Changes with how the two talk."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Protocol

from prewarm.proof import leftovers
from prewarm.proof.answer import read
from prewarm.proof.environment import worker_environment
from prewarm.proof.inside.request import Request
from prewarm.records.errors import Interrupted, ProofError, SettingsError
from prewarm.worker.processes import kill_group

_WORKER = Path(__file__).with_name("_worker") / "__main__.py"
_CLOSE_S = 2.0
_STEP_S = 1.0


class Doorway(Protocol):
    """The one address that the process may ask."""

    failure: BaseException | None
    """Why it had to end."""

    @property
    def descriptor(self) -> int:
        """What the process goes through it by."""

    @property
    def is_answering(self) -> bool:
        """Whether the process waits for an answer: that is not its time."""

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """``environ`` for the process."""

    def started(self, end: Callable[[], None]) -> None:
        """The process is there, and ``end`` ends it.

        Raises:
            OSError: it has died meanwhile.
        """


class Worker:
    """A process, started when it is needed and again after it died; its folder goes with it.

    Args:
        environ: the user's environment.
        token: kept from the process.
        cache: where the models are.
        timeout_s: the longest that one request may take.
        python: the interpreter.
        doorway: the one address that it may ask; None: it is offline.
    """

    def __init__(
        self,
        *,
        environ: Mapping[str, str],
        token: str | None,
        cache: Path,
        timeout_s: float,
        python: str,
        doorway: Doorway | None = None,
    ) -> None:
        self._given = (environ, token, cache)
        self._doorway = doorway
        self._timeout_s = timeout_s
        self._python = python
        self._starting = threading.Lock()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._log: IO[str] | None = None
        self._count = 0
        self._is_stopped = False

    def start(self) -> None:
        """Begin to import, so that the first request need not wait.

        Raises:
            SettingsError: there is no folder for it, or the interpreter cannot be started.
        """
        with self._starting:
            if self._is_stopped or (self._process is not None and self._process.poll() is None):
                return
            folder = self._made_folder()
            self._answers = queue.Queue()
            if self._log is not None:
                self._log.close()
            # A file, because a pipe that nobody reads would stop a process that says a lot.
            self._log = (folder / "stderr.log").open("w+", encoding="utf-8", errors="replace")
            environ, token, cache = self._given
            own = worker_environment(environ, token=token, cache=cache, folder=folder)
            command: list[str] = []
            passed: tuple[int, ...] = ()
            if self._doorway is not None:
                own, passed = self._doorway.environment(own), (self._doorway.descriptor,)
                command = ["--door", str(self._doorway.descriptor)]
            try:
                self._process = subprocess.Popen(
                    [self._python, str(_WORKER), *command],
                    env=own,
                    pass_fds=passed,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._log,
                    text=True,
                    start_new_session=os.name == "posix",
                )
            except OSError as error:
                raise SettingsError(
                    f"{self._python or 'nothing'} cannot be started: {error.strerror or error}",
                    place="the Python interpreter",
                    hint='install prewarm into an environment that is whole; or load nothing: --proof "files"',
                ) from None
            threading.Thread(target=_listen, args=(self._process, self._answers), daemon=True).start()
            if self._doorway is not None:
                with contextlib.suppress(OSError):
                    # Where it has died, the question that follows says how.
                    self._doorway.started(self.stop)

    def ask(self, request: Request) -> dict[str, Any]:
        """Let it do what is asked, and give its answer.

        Raises:
            ProofError: it takes too long, dies, or answers with something that is no answer.
            SettingsError: as ``start``.
            Interrupted: it was stopped.
        """
        if self._is_stopped:
            raise Interrupted
        self.start()
        process, folder = self._process, self._folder
        if process is None or folder is None or process.stdin is None:
            raise Interrupted
        self._count += 1
        path = Path(folder.name) / f"request-{self._count}.json"
        try:
            path.write_text(json.dumps(vars(request)), encoding="utf-8")
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
            rung = self._awaited()
        except queue.Empty:
            self._kill(process)
            raise ProofError(
                "timeout",
                f"loading takes longer than {self._timeout_s:.0f} s",
                hint='raise --proof-timeout, or leave this one to its files: proof = "files"',
            ) from None
        except (OSError, ValueError):
            # Its end of the pipe is closed, or ours, by who has stopped it.
            rung = None
        if rung is None:
            raise self._died(process)
        return read(path.with_name(path.name + ".answer"), is_right=rung == str(path))

    def _awaited(self) -> str | None:
        """What it rings, within the time that it may take.

        Raises:
            queue.Empty: it takes longer.
        """
        left_s = self._timeout_s
        while True:
            step_s = min(_STEP_S, left_s)
            try:
                return self._answers.get(timeout=step_s)
            except queue.Empty:
                left_s -= 0.0 if self._doorway is not None and self._doorway.is_answering else step_s
                if left_s <= 0:
                    raise

    def stop(self) -> None:
        """End it, and what it has started."""
        with self._starting:
            self._is_stopped = True
            if self._process is not None:
                self._kill(self._process)

    def close(self) -> None:
        """End it, and remove what it left; nobody asks any more."""
        self.stop()
        if self._log is not None:
            self._log.close()
        if self._folder is not None:
            # What the models' code has left there may not be removable; clean tries again.
            with contextlib.suppress(OSError):
                self._folder.cleanup()

    def _made_folder(self) -> Path:
        if self._folder is None:
            try:
                leftovers.remove_dead()
                self._folder = tempfile.TemporaryDirectory(prefix=leftovers.prefix(), ignore_cleanup_errors=True)
            except OSError as error:
                raise SettingsError(
                    f"no folder takes temporary files: {error.strerror or error}",
                    place="TMPDIR",
                    hint='name one that can be written: export TMPDIR=/path; or load nothing: --proof "files"',
                ) from None
        return Path(self._folder.name)

    def _died(self, process: subprocess.Popen[str]) -> ProofError:
        if self._is_stopped:
            raise Interrupted
        try:
            code = process.wait(timeout=_CLOSE_S)
        except subprocess.TimeoutExpired:
            self._kill(process)
            code = process.wait()
        if code == -getattr(signal, "SIGKILL", 9):
            return ProofError(
                "load-error",
                "the system killed the process that loaded it, most likely for want of memory",
                hint='close something, or load less: dtype = "bfloat16"; or leave it to its files: proof = "files"',
            )
        how = f"signal {_signal_name(-code)}" if code < 0 else f"exit code {code}"
        return ProofError(
            "load-error",
            f"the process that loaded it died with {how}: {self._last_words()}",
            hint="the code of the model, or of a library that it uses, ends the process",
        )

    def _last_words(self) -> str:
        if self._log is None or self._folder is None:
            return ""
        with contextlib.suppress(OSError, ValueError):
            self._log.flush()
            text = (Path(self._folder.name) / "stderr.log").read_text(encoding="utf-8", errors="replace")
            if lines := [line.strip() for line in text.splitlines() if line.strip()]:
                return lines[-1][:300]
        return "it said nothing"

    def _kill(self, process: subprocess.Popen[str]) -> None:
        if process.poll() is None:
            kill_group(process)
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def _signal_name(number: int) -> str:
    try:
        return f"{number} ({signal.Signals(number).name})"
    except ValueError:
        return str(number)


def _listen(process: subprocess.Popen[str], answers: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    with contextlib.suppress(ValueError, OSError):
        for line in process.stdout:
            answers.put(line.rstrip("\n"))
    answers.put(None)
