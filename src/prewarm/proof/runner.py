"""Starts the worker, rings for requests, and says how it died. Changes with the way the two talk."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Literal

from prewarm.proof.environment import worker_environment
from prewarm.proof.inside.request import Request
from prewarm.records.errors import Interrupted, ProofError
from prewarm.records.proof import Proof, ProofRequest

_WORKER = Path(__file__).with_name("_worker") / "__main__.py"
_CLOSE_S = 2.0


class Runner:
    """One worker for all entries; a new one after it died.

    Args:
        environ: the user's environment.
        token: kept from the worker.
        cache: where the models are.
        timeout_s: the longest that one entry may take.
        python: the interpreter; the one that runs this by default.
    """

    def __init__(
        self,
        *,
        environ: Mapping[str, str],
        token: str | None,
        cache: Path,
        timeout_s: float,
        python: str = sys.executable,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="prewarm-proof-")
        nowhere = Path(self._folder.name) / "no-token"
        self._environ = worker_environment(environ, token=token, cache=cache, nowhere=nowhere)
        self._timeout_s = timeout_s
        self._python = python
        self._one_at_a_time = threading.Lock()
        self._starting = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._log: IO[str] | None = None
        self._count = 0
        self._is_stopped = False

    def start(self) -> None:
        """Begin to import, so that the first proof need not wait."""
        with self._starting:
            if self._is_stopped or (self._process is not None and self._process.poll() is None):
                return
            self._answers = queue.Queue()
            if self._log is not None:
                self._log.close()
            # A file, because a pipe that nobody reads would stop a worker that says a lot.
            self._log = (Path(self._folder.name) / "stderr.log").open("w+", encoding="utf-8", errors="replace")
            self._process = subprocess.Popen(
                [self._python, str(_WORKER)],
                env=self._environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                text=True,
                start_new_session=os.name == "posix",
            )
            threading.Thread(target=_listen, args=(self._process, self._answers), daemon=True).start()

    def inspect(self, request: ProofRequest) -> None:
        """Whether the classes exist and know the configuration.

        Raises:
            ProofError: they do not.
        """
        self._ask("inspect", request, lambda: None)

    def prove(self, request: ProofRequest, begun: Callable[[], None]) -> Proof:
        """Load processor and model; ``begun`` is called when it is this entry's turn.

        Raises:
            ProofError: they do not load, the network was asked for, or the worker died.
        """
        answer = self._ask("load", request, begun)
        reason = request.processor_reason
        notes = [*answer["notes"]]
        if reason and request.processor:
            notes.append(f"{reason}: loaded with {request.processor}")
        elif reason:
            notes.append(f"{reason}: no processor was loaded")
        return Proof(
            model=answer["model"],
            processor=answer["processor"],
            dtype=answer["dtype"],
            parameters=answer["parameters"],
            load_s=answer["load_s"],
            peak_rss_bytes=answer["peak_rss_bytes"],
            network_attempts=len(answer["network_attempts"]),
            missing_keys=tuple(answer.get("missing_keys", ())),
            unexpected_keys=tuple(answer.get("unexpected_keys", ())),
            mismatched_keys=tuple(answer.get("mismatched_keys", ())),
            notes=tuple(notes),
            looked_for=tuple((repo_id, path) for repo_id, path in answer["looked_for"]),
        )

    def stop(self) -> None:
        """End the worker, and remove what it left."""
        with self._starting:
            self._is_stopped = True
            if self._process is not None:
                self._kill(self._process)
        with self._one_at_a_time:
            if self._log is not None:
                self._log.close()
            self._folder.cleanup()

    def _ask(
        self, what: Literal["inspect", "load"], request: ProofRequest, begun: Callable[[], None]
    ) -> dict[str, Any]:
        with self._one_at_a_time:
            if self._is_stopped:
                raise Interrupted
            self.start()
            begun()
            process = self._process
            assert process is not None
            assert process.stdin is not None
            self._count += 1
            path = Path(self._folder.name) / f"request-{self._count}.json"
            path.write_text(json.dumps(vars(_request(what, request))), encoding="utf-8")
            try:
                process.stdin.write(f"{path}\n")
                process.stdin.flush()
                rung = self._answers.get(timeout=self._timeout_s)
            except queue.Empty:
                self._kill(process)
                raise ProofError(
                    "timeout",
                    f"loading takes longer than {self._timeout_s:.0f} s",
                    hint='raise --proof-timeout, or leave this one to its files: proof = "files"',
                ) from None
            except OSError:
                rung = None
            if rung is None:
                raise self._died(process)
            answer: dict[str, Any] = json.loads(path.with_name(path.name + ".answer").read_text(encoding="utf-8"))
        _judge(answer)
        return answer

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
        how = f"signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"exit code {code}"
        return ProofError(
            "load-error",
            f"the process that loaded it died with {how}: {self._last_words()}",
            hint="the code of the model, or of a library that it uses, ends the process",
        )

    def _last_words(self) -> str:
        if self._log is None:
            return ""
        self._log.flush()
        text = (Path(self._folder.name) / "stderr.log").read_text(encoding="utf-8", errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return (lines[-1] if lines else "it said nothing")[:300]

    def _kill(self, process: subprocess.Popen[str]) -> None:
        if process.poll() is None:
            if os.name == "posix":
                # The whole group, with what the models' code started.
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue


def _judge(answer: Mapping[str, Any]) -> None:
    looked_for = tuple((repo_id, path) for repo_id, path in answer["looked_for"])
    if answer["network_attempts"]:
        # Even if it loaded all the same: the application would wait for the network here.
        raise ProofError(
            "load-error",
            f"it asks the network while it loads offline: {answer['network_attempts'][0]}",
            hint="its code fetches something by itself; it is not ready for an offline application",
            looked_for=looked_for,
        )
    if (error := answer.get("error")) is not None:
        raise ProofError(
            error["kind"], error["message"], hint=error["hint"], looked_for=looked_for, trace=error["trace"]
        )


def _listen(process: subprocess.Popen[str], answers: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    try:
        for line in process.stdout:
            answers.put(line.rstrip("\n"))
    except ValueError:
        pass
    answers.put(None)


def _request(what: Literal["inspect", "load"], request: ProofRequest) -> Request:
    entry = request.entry
    return Request(
        do=what,
        id=entry.id,
        revision=entry.revision,
        model_class=request.model_class,
        named_class=entry.model_class or None,
        named_processor=entry.processor_class or None,
        trust_remote_code=entry.trust_remote_code,
        code_revision=entry.code_revision,
        subfolder=entry.subfolder,
        variant=entry.variant,
        dtype=entry.dtype,
        use_safetensors=entry.use_safetensors,
        model_kwargs=dict(entry.model_kwargs),
        processor_kwargs=dict(entry.processor_kwargs),
        config_repo=request.config_repo.repo_id,
        config_commit=request.config_commit,
        config_path=str(request.config_path) if request.config_path else None,
        code_commit=request.code_commit,
        is_adapter=request.is_adapter,
        processor=request.processor,
        processor_repo=request.processor_repo.repo_id,
        processor_subfolder=request.processor_subfolder,
        vocabulary=str(request.vocabulary) if request.vocabulary else None,
    )
