"""One process that loads models, the folder that it is talked to by, and how it died. Changes with how the two talk."""

from __future__ import annotations

import contextlib
import json
import queue
import secrets
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Protocol

from prewarm.proof.answer import read
from prewarm.proof.confinement import Confining
from prewarm.proof.death import answered_early, how_it_died, not_confined
from prewarm.proof.environment import worker_environment
from prewarm.proof.inside.request import Request
from prewarm.records.confinement import Confinement
from prewarm.records.errors import Interrupted, ProofError, SettingsError
from prewarm.worker.supervised import Supervised
from prewarm.worker.temporary import OwnFolder

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
        confining: what it may have.
    """

    def __init__(
        self,
        *,
        environ: Mapping[str, str],
        token: str | None,
        cache: Path,
        timeout_s: float,
        python: str,
        confining: Confining,
        doorway: Doorway | None = None,
    ) -> None:
        self._confining = confining
        self._confinement: Confinement | None = None
        self._given = (environ, token, cache)
        self._doorway = doorway
        self._timeout_s = timeout_s
        self._python = python
        self._starting = threading.Lock()
        self._folder: OwnFolder | None = None
        self._process: Supervised | None = None
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._log: IO[str] | None = None
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
            self._confinement = None
            if self._log is not None:
                self._log.close()
            # A file, because a pipe that nobody reads would stop a process that says a lot.
            self._log = (folder / "stderr.log").open("w+", encoding="utf-8", errors="replace")
            environ, token, cache = self._given
            own = worker_environment(environ, token=token, cache=cache, folder=folder)
            passed: tuple[int, ...] = ()
            command, writable = [], [str(folder)]
            if self._doorway is not None:
                own, passed = self._doorway.environment(own), (self._doorway.descriptor,)
                command, writable = ["--door", str(self._doorway.descriptor)], [str(folder), own["HF_HUB_CACHE"]]
            command += self._confined(folder, writable)
            try:
                self._process = Supervised(
                    [self._python, str(_WORKER), *command],
                    python=self._python,
                    env=own,
                    bounds=replace(
                        self._confining.bounds,
                        folders=(folder, *self._confining.written) if self._confining.bounds.folder_bytes else (),
                    ),
                    passed=passed,
                    cwd=self._confining.folder or folder,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._log,
                    text=True,
                )
            except OSError as error:
                raise SettingsError(
                    f"{self._python or 'nothing'} cannot be started: {error.strerror or error}",
                    place="the Python interpreter",
                    hint='install prewarm into an environment that is whole; or load nothing: --proof "files"',
                ) from None
            self._answers = self._process.listen()
            if self._doorway is not None:
                with contextlib.suppress(OSError):
                    # Where it has died, the question that follows says how.
                    self._doorway.started(self.stop)

    def ask(self, request: Request, is_strict: bool = False, *, timeout_s: float | None = None) -> dict[str, Any]:
        """Let it do what is asked, and give its answer.

        Args:
            request: what it is to do.
            is_strict: whether it is not asked at all where something of its confinement is lacking.
            timeout_s: the longest that this one may take; None: as for all.

        Raises:
            ProofError: it takes too long, dies, or answers with something that is no answer.
            SettingsError: as ``start``.
            Interrupted: it was stopped.
        """
        if self._is_stopped:
            raise Interrupted
        self.start()
        process, folder = self._process, self._folder
        if process is None or folder is None:
            raise Interrupted
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        # A name that code of a repository cannot announce beforehand.
        path = folder.path / f"request-{secrets.token_hex(8)}.json"
        try:
            self._hear_confinement(limit_s)
            if is_strict and self.confinement.lacks:
                raise not_confined(self.confinement)
            if not self._answers.empty() and self._answers.get() is not None:
                process.end()
                raise answered_early()
            path.write_text(json.dumps(vars(request)), encoding="utf-8")
            process.tell(str(path))
            rung = self._awaited(limit_s)
        except queue.Empty:
            process.end()
            raise ProofError(
                "timeout",
                f"loading takes longer than {limit_s:.0f} s",
                hint='raise --proof-timeout, or leave this one to its files: proof = "files"',
            ) from None
        except (OSError, ValueError):
            # Its end of the pipe is closed, or ours, by who has stopped it.
            rung = None
        if rung is None:
            raise self._died(process)
        return read(path.with_name(path.name + ".answer"), is_right=rung == str(path))

    @property
    def confinement(self) -> Confinement:
        """What holds it; known from the first answer on."""
        return self._confinement or Confinement()

    def _confined(self, folder: Path, writable: list[str]) -> list[str]:
        """The options that make it confine itself."""
        if self._confining.mode == "none":
            return []
        wanted = self._confining.wanted
        wanted = replace(wanted, writable=[*wanted.writable, *writable])
        return ["--confine", str(wanted.written_to(folder))]

    def _hear_confinement(self, limit_s: float) -> None:
        """The first that it says, before it loads anything.

        Raises:
            ValueError: it is nothing that it would say.
            queue.Empty: it takes too long.
        """
        if self._confinement is None:
            said = json.loads(self._awaited(limit_s) or "none at all")
            self._confinement = Confinement(by=tuple(said["by"]), lacks=tuple(said["lacks"]))

    def _awaited(self, left_s: float) -> str | None:
        """What it rings, within the time that it may take.

        Raises:
            queue.Empty: it takes longer.
        """
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
                self._process.end()

    def close(self) -> None:
        """End it, and remove what it left; nobody asks any more."""
        self.stop()
        if self._log is not None:
            self._log.close()
        if self._folder is not None:
            self._folder.close()

    def _made_folder(self) -> Path:
        if self._folder is None:
            try:
                self._folder = OwnFolder()
                for name in ("home", "tmp"):
                    (self._folder.path / name).mkdir()
            except OSError as error:
                raise SettingsError(
                    f"no folder takes temporary files: {error.strerror or error}",
                    place="TMPDIR",
                    hint='name one that can be written: export TMPDIR=/path; or load nothing: --proof "files"',
                ) from None
        return self._folder.path

    def _died(self, process: Supervised) -> ProofError:
        if self._is_stopped:
            raise Interrupted
        try:
            code = process.process.wait(timeout=_CLOSE_S)
        except subprocess.TimeoutExpired:
            process.end()
            code = process.process.wait()
        return how_it_died(code, self._last_words(), self._confining)

    def _last_words(self) -> str:
        if self._log is None or self._folder is None:
            return ""
        with contextlib.suppress(OSError, ValueError):
            self._log.flush()
            text = (self._folder.path / "stderr.log").read_text(encoding="utf-8", errors="replace")
            if lines := [line.strip() for line in text.splitlines() if line.strip()]:
                return lines[-1][:300]
        return "it said nothing"
