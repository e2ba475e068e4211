"""Serves an entry in a process of its own, for a load test. Changes with what is started, and how it is waited for.

Embeddings are served from their artifact by ``prewarm serve``, what else there is by a small application.
"""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prewarm.load import Payload, payload_of, read_payload
from prewarm.load.payloads import embeddings_payload
from prewarm.operations.project import Project
from prewarm.proof.environment import command_environment
from prewarm.records.entry import Entry
from prewarm.records.errors import CommandError, LoadError
from prewarm.records.events import Notice, Observer
from prewarm.records.load import Bound, Step
from prewarm.records.text import harmless, quoted
from prewarm.records.units import plural
from prewarm.worker.supervised import Supervised
from prewarm.worker.temporary import OwnFolder

_START_S = 600.0
_LEAST_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is put on the server."""

    steps: Sequence[Step]
    bounds: Sequence[Bound]
    duration_s: float
    timeout_s: float
    threads: int
    """Of one computation."""
    payload: Path | None
    """None: what suits the task."""

    def check(self) -> None:
        """Raise CommandError where a step would send nothing."""
        if self.duration_s < _LEAST_S:
            raise CommandError(f"--duration is less than {_LEAST_S:g} s", hint="--duration 10s")
        for step in self.steps:
            if step.kind == "rate" and step.value * self.duration_s < 1:
                said = f"--rate {step.value:g} sends nothing within {self.duration_s:g} s"
                raise CommandError(said, hint="a longer --duration")


@dataclass(frozen=True, kw_only=True)
class Served:
    """What answers."""

    url: str
    payload: Payload
    process: Supervised | None
    """None: it is not ours."""
    by: str
    """What it is, in words."""
    threads: int | None
    """Of one computation; None: nobody knows."""
    commit: str | None = None


@contextmanager
def serving(
    entry: Entry, project: Project, wanted: Wanted, observe: Observer, environ: Mapping[str, str]
) -> Iterator[Served]:
    """Serve an entry as long as the block lasts.

    Raises:
        EntryError: it is not in the cache.
        LoadError: the server does not start.
    """
    artifact = _artifact(entry, project)
    with OwnFolder() as own, ExitStack() as ends:
        if artifact is not None:
            served = _artifact_server(entry, artifact, wanted, environ, own, ends)
        else:
            served = _model_server(entry, project, wanted, observe, environ, own, ends)
        observe(Notice(text=f"{entry.label}: {served.by} answers, with {plural(wanted.threads, 'thread')}"))
        yield served


def _artifact(entry: Entry, project: Project) -> tuple[Path, str] | None:
    """The folder of an artifact that gives vectors, and its commit, where the entry has one."""
    from prewarm.export import RECORD  # noqa: PLC0415 (rare)
    from prewarm.operations.artifacts import folder_of  # noqa: PLC0415

    if entry.export is None:
        return None
    folder = folder_of(project, entry)
    try:
        said = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    is_one = isinstance(said, dict) and isinstance(said.get("dimensions"), int)
    return (folder, str(said.get("commit"))) if is_one else None


def _artifact_server(
    entry: Entry, artifact: tuple[Path, str], wanted: Wanted, environ: Mapping[str, str], own: Path, ends: ExitStack
) -> Served:
    from prewarm.operations.serve import look_for_packages as look_for  # noqa: PLC0415

    look_for(draws=False, answers=True)
    folder, commit = artifact
    port = _free_port()
    command = [sys.executable, "-m", "prewarm", "serve", str(folder), "--port", str(port)]
    process = _started([*command, "--threads", str(wanted.threads)], _environment(environ, own, wanted), own)
    ends.callback(process.end)
    _await_port(process, port, own)
    payload = read_payload(wanted.payload) if wanted.payload is not None else embeddings_payload(entry.id)
    return Served(
        url=f"http://127.0.0.1:{port}/v1/embeddings",
        payload=payload,
        process=process,
        by="prewarm serve",
        threads=wanted.threads,
        commit=commit,
    )


def _model_server(
    entry: Entry,
    project: Project,
    wanted: Wanted,
    observe: Observer,
    environ: Mapping[str, str],
    own: Path,
    ends: ExitStack,
) -> Served:
    from prewarm.operations.opened import request_for  # noqa: PLC0415 (the flow, and the cache)

    request, commit = request_for(entry, project, observe, environ)
    port = _free_port()
    asked = {
        "request": asdict(request),
        "generation": dict(entry.generation),
        "seed": entry.seed,
        "name": entry.label,
        "host": "127.0.0.1",
        "port": port,
        "threads": wanted.threads,
    }
    path = own / "request.json"
    path.write_text(json.dumps(asked), encoding="utf-8")
    command = [sys.executable, "-m", "prewarm.operations.model_server", str(path)]
    process = _started(command, _environment(environ, own, wanted), own)
    ends.callback(process.end)
    said = _first_line(process, own)
    if (error := said.get("error")) is not None:
        raise LoadError(f"{entry.label} cannot be served: {error['message']}", hint=error["hint"])
    payload = (
        read_payload(wanted.payload)
        if wanted.payload is not None
        else payload_of(str(said.get("task")), takes=str(said.get("takes")), text=str(said.get("text")))
    )
    return Served(
        url=f"http://127.0.0.1:{port}/run",
        payload=payload,
        process=process,
        by="a FastAPI application",
        threads=int(said["threads"]),
        commit=commit,
    )


def _environment(environ: Mapping[str, str], own: Path, wanted: Wanted) -> dict[str, str]:
    """No token, nobody asked, and the threads that were set: by default every library takes all processors."""
    from prewarm.hub import configuration, tokens  # noqa: PLC0415

    found = command_environment(environ, token=tokens.known_token(), cache=configuration.cache_root(), folder=own)
    return {**found, "OMP_NUM_THREADS": str(wanted.threads), "MKL_NUM_THREADS": str(wanted.threads)}


def _started(command: Sequence[str], environ: Mapping[str, str], own: Path) -> Supervised:
    """A server that ends with this process, whatever ends that."""
    with (own / "server.log").open("w", encoding="utf-8") as log:
        try:
            return Supervised(
                command, python=sys.executable, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=log, text=True,
            )  # fmt: skip
        except OSError as error:
            raise LoadError(f"the server cannot be started: {error.strerror or error}") from None


def _first_line(process: Supervised, own: Path) -> dict[str, Any]:
    """What the server says of itself, when it answers.

    Raises:
        LoadError: it does not.
    """
    try:
        said = json.loads(process.listen().get(timeout=_START_S) or "nothing")
    except (queue.Empty, ValueError):
        raise LoadError(f"the server does not start: {_last_words(own)}", hint="prewarm verify") from None
    return said if isinstance(said, dict) else {}


def _await_port(process: Supervised, port: int, own: Path) -> None:
    until = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise LoadError(f"the server does not start: {_last_words(own)}", hint="prewarm serve, by hand")


def _last_words(own: Path) -> str:
    with contextlib.suppress(OSError):
        lines = [line for line in (own / "server.log").read_text(encoding="utf-8").splitlines() if line.strip()]
        if lines:
            return harmless(quoted(lines[-1]))
    return "it says nothing"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
