"""Which process loads an entry, and what its answer means. Changes with who may share a process."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

from prewarm.flow.ports import Source
from prewarm.proof.confinement import Policy
from prewarm.proof.inside.request import Request
from prewarm.proof.worker import Doorway, Worker
from prewarm.records.confinement import Confinement, ConfinementMode
from prewarm.records.entry import Entry
from prewarm.records.errors import Interrupted, ProofError
from prewarm.records.proof import Continued, Proof, ProofRequest
from prewarm.worker.temporary import OwnFolder

OpenGateway: TypeAlias = Callable[[Source, Path], AbstractContextManager[Doorway]]


class Runner:
    """One process for the classes of the installed libraries; one of its own for each entry that runs its own code.

    Code of a repository can alter the process that it runs in: what that says counts for its own entry alone.

    Args:
        environ: the user's environment.
        token: kept from the processes.
        cache: where the models are.
        timeout_s: the longest that one entry may take.
        open_gateway: serves what a source answers, with a cache in a folder; None: nothing is loaded but offline.
        python: the interpreter; the one that runs this by default.
        confinement: how far the processes are confined.
        memory_bytes: for one process; None: from the sizes of the files and the machine.
    """

    def __init__(
        self,
        *,
        environ: Mapping[str, str],
        token: str | None,
        cache: Path,
        timeout_s: float,
        open_gateway: OpenGateway | None = None,
        python: str = sys.executable,
        confinement: ConfinementMode = "strongest",
        memory_bytes: int | None = None,
    ) -> None:
        self._make = partial(Worker, environ=environ, token=token, cache=cache, timeout_s=timeout_s, python=python)
        self._policy = Policy(mode=confinement, memory_bytes=memory_bytes, cache=cache, environ=environ)
        self._open_gateway = open_gateway
        self._discovering: Worker | None = None
        self._shared = self._make(confining=self._policy.shared())
        self._own: Worker | None = None
        self._own_entry: Entry | None = None
        self._own_folder: Path | None = None
        self._one_at_a_time = threading.Lock()
        self._is_stopped = False

    def start(self) -> None:
        """Begin to import, so that the first proof need not wait.

        Raises:
            SettingsError: the process cannot be started here.
        """
        self._shared.start()

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
            load_s=float(answer["load_s"] or 0.0),
            peak_rss_bytes=answer["peak_rss_bytes"],
            network_attempts=len(answer["network_attempts"]),
            missing_keys=tuple(answer.get("missing_keys", ())),
            unexpected_keys=tuple(answer.get("unexpected_keys", ())),
            mismatched_keys=tuple(answer.get("mismatched_keys", ())),
            notes=tuple(notes),
            confinement=answer["confinement"],
            looked_for=tuple((repo_id, path) for repo_id, path in answer["looked_for"]),
        )

    def apply(
        self, request: ProofRequest, then: str, given: Mapping[str, Any], *, folder: Path, timeout_s: float
    ) -> Continued:
        """Load it, offline, in a process apart from the proofs', and let a function go on with what was loaded.

        Args:
            request: what to load.
            then: ``package.module:function``, called with what was loaded.
            given: further arguments of it: what JSON can say.
            folder: the one folder outside of its own that the process may write to.
            timeout_s: the longest that it may take, in seconds.

        Returns:
            What the function gave.

        Raises:
            ProofError: it does not load, the function refuses, or the process died.
        """
        with self._one_at_a_time:
            if self._is_stopped:
                raise Interrupted
            worker = self._applying(request, folder)
            try:
                asked = replace(as_request("load", request), then=then, given=dict(given))
                answer = worker.ask(asked, self._is_strict(request), timeout_s=timeout_s)
            except BaseException:
                self._close_own()
                raise
            if request.entry.trust_remote_code:
                self._close_own()
        _judge(answer)
        return Continued(
            told=answer["then"],
            load_s=float(answer["load_s"] or 0.0),
            peak_rss_bytes=answer["peak_rss_bytes"],
            dtype=answer["dtype"],
        )

    def discover(self, request: ProofRequest, source: Source) -> Confinement:
        """Load it once, online: whatever is asked for, ``source`` answers.

        Returns:
            What held the process.

        Raises:
            ProofError: it does not load.
            Exception: what ``source`` has raised.
        """
        assert self._open_gateway is not None, "whoever asks for it has given one"
        with OwnFolder() as folder, self._open_gateway(source, folder) as doorway:
            worker = self._discovering = self._make(doorway=doorway, confining=self._policy.of(request))
            try:
                if self._is_stopped:
                    raise Interrupted
                answer = worker.ask(as_request("discover", request), self._is_strict(request))
            except (ProofError, Interrupted):
                # Ended because it must not go on.
                if doorway.failure is not None and not self._is_stopped:
                    raise doorway.failure from None
                raise
            finally:
                worker.close()
        if (error := answer.get("error")) is not None:
            raise ProofError(error["kind"], error["message"], hint=error["hint"], trace=error["trace"])
        return worker.confinement

    def stop(self) -> None:
        """End the processes, and remove what they left."""
        self._is_stopped = True
        self._shared.stop()
        if (discovering := self._discovering) is not None:
            discovering.stop()
        if (own := self._own) is not None:
            own.stop()
        with self._one_at_a_time:
            self._close_own()
            self._shared.close()

    def _ask(
        self, what: Literal["inspect", "load"], request: ProofRequest, begun: Callable[[], None]
    ) -> dict[str, Any]:
        with self._one_at_a_time, self._worker_for(request, is_last=what == "load") as worker:
            if self._is_stopped:
                raise Interrupted
            begun()
            answer = worker.ask(as_request(what, request), self._is_strict(request))
            answer["confinement"] = worker.confinement
        _judge(answer)
        return answer

    def _applying(self, request: ProofRequest, folder: Path) -> Worker:
        """The process that goes on with what it loads: the last one, where no repository's code ran or will run."""
        if self._own is None or self._own_folder != folder or request.entry.trust_remote_code:
            self._close_own()
            self._own = self._make(confining=self._policy.of(request).writing_to(folder))
            self._own_folder = None if request.entry.trust_remote_code else folder
        return self._own

    def _is_strict(self, request: ProofRequest) -> bool:
        """Whether it may not be loaded where something of the confinement is lacking."""
        return self._policy.mode == "required" and request.entry.trust_remote_code

    @contextmanager
    def _worker_for(self, request: ProofRequest, *, is_last: bool) -> Iterator[Worker]:
        """The process for an entry: an inspection leaves its own to the load that follows."""
        if not request.entry.trust_remote_code:
            yield self._shared
            return
        if self._own is None or self._own_entry != request.entry:
            self._close_own()
            self._own, self._own_entry = self._make(confining=self._policy.of(request)), request.entry
        is_good = False
        try:
            yield self._own
            is_good = True
        finally:
            if is_last or not is_good:
                self._close_own()

    def _close_own(self) -> None:
        own, self._own, self._own_entry, self._own_folder = self._own, None, None, None
        if own is not None:
            own.close()


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


def as_request(what: Literal["inspect", "load", "discover"], request: ProofRequest) -> Request:
    """What a process is asked, of what is to be loaded."""
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
        task=entry.task,
        model_args=list(entry.model_args) if entry.model_args is not None else None,
        snapshot=str(request.snapshot),
    )
