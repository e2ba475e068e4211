"""Puts load on an entry, or on a server that is there. Changes with what is sent, and what is told of it."""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

from prewarm.load import Payload, Target, payload_of, read_payload
from prewarm.load import run as run_steps
from prewarm.load.payloads import embeddings_payload
from prewarm.load.run import Ran
from prewarm.load.usage import listener
from prewarm.manifest.settings import duration_s
from prewarm.operations.asking import versions_now
from prewarm.operations.keeping import keep_load, keeping
from prewarm.operations.machine import machine, own_versions
from prewarm.operations.project import Project
from prewarm.operations.serving import Served, Wanted, serving
from prewarm.records.entry import Entry
from prewarm.records.errors import CommandError, Interrupted, LoadError
from prewarm.records.events import Notice, Observer
from prewarm.records.load import LoadReport, StepResult
from prewarm.records.text import quoted, without_credentials

_NEEDS = ("aiohttp", "psutil")
_SERVES = ("fastapi", "uvicorn")
_MODELS_BYTES = 1 << 20


def look_for_packages(*, serves: bool) -> None:
    """Raise LoadError where a package is missing."""
    wanted = (*_NEEDS, *(_SERVES if serves else ()))
    if lost := [name for name in wanted if importlib.util.find_spec(name) is None]:
        raise LoadError(f"a package is missing: {', '.join(lost)}", hint='pip install "hf-prewarm[load]"')


def seconds(text: str, option: str) -> float:
    """A duration of more than nothing.

    Raises:
        CommandError: it is none.
    """
    try:
        found = duration_s(text)
    except ValueError:
        found = 0.0
    if found <= 0:
        raise CommandError(f"{option}: '{text}' is no duration", hint=f"{option} 10s")
    return found


def is_address(which: str) -> bool:
    """Whether it is a server that is there already."""
    return which.lower().startswith(("http://", "https://"))


def load_address(url: str, wanted: Wanted, observe: Observer, project: Project | None) -> LoadReport:
    """Put load on a server, with a row in the history, where ``project`` keeps one.

    Raises:
        CommandError: it is no address, or nobody knows what to send.
        LoadError: it does not answer.
    """
    try:
        parts = urlsplit(url)
        is_one = bool(parts.hostname) and parts.port != 0 and not any(one.isspace() for one in url)
    except ValueError:
        is_one = False
    if not is_one:
        raise CommandError(f"'{without_credentials(url)}' is no address", hint="http://127.0.0.1:8080/run")
    payload = read_payload(wanted.payload) if wanted.payload is not None else _usual(url)
    served = Served(url=url, payload=payload, process=None, by="a server", threads=None)
    with _keeping(project, observe) as keep:
        return _loaded(without_credentials(url), served, wanted, observe, keep)


def load_entry(
    entry: Entry, project: Project, wanted: Wanted, observe: Observer, environ: Mapping[str, str]
) -> LoadReport:
    """Serve an entry, and put load on that, with a row in the history, where one is kept.

    Raises:
        EntryError: it is not in the cache.
        LoadError: it cannot be served, or does not answer.
    """
    with _keeping(project, observe) as keep, serving(entry, project, wanted, observe, environ) as served:
        return _loaded(entry.label, served, wanted, observe, keep)


@contextmanager
def _keeping(project: Project | None, observe: Observer) -> Iterator[Callable[[LoadReport], None]]:
    """What keeps a row of a load test; one that is interrupted has one as well, of the steps that it came to."""
    from prewarm.formats.load_document import as_table  # noqa: PLC0415 (a row is its document)

    if project is None:
        yield lambda _: None
        return
    with keeping(project, observe) as keep:
        yield lambda report: keep_load(report, keep, as_table(report))


def _loaded(
    name: str, served: Served, wanted: Wanted, observe: Observer, keep: Callable[[LoadReport], None]
) -> LoadReport:
    began = time.monotonic()
    process = served.process
    target = Target(
        url=served.url,
        payload=served.payload,
        pid=process.process.pid if process is not None else listener(served.url),
        is_alive=lambda: process is None or process.poll() is None,
    )

    so_far: list[StepResult] = []

    def done(result: StepResult) -> None:
        so_far.append(result)
        p95 = f", p95 {result.latency.p95 * 1000:.0f} ms" if result.latency is not None else ""
        observe(Notice(text=f"{result.step.name}: {result.rate:.1f} answers/s{p95}, {result.errors:.1%} failed"))

    def report(ran: Ran) -> LoadReport:
        return LoadReport(
            target=name,
            commit=served.commit,
            served_by=served.by,
            threads=served.threads,
            payload=served.payload.said,
            steps=ran.results,
            bounds=tuple(wanted.bounds),
            generator_limit=ran.limit,
            warm_up_s=ran.first_s,
            elapsed_s=time.monotonic() - began,
            versions={**own_versions(), **versions_now()},
            machine=machine(),
            ended=ran.ended,
        )

    try:
        ran = run_steps(target, wanted.steps, duration_s=wanted.duration_s, timeout_s=wanted.timeout_s, done=done)
    except (KeyboardInterrupt, Interrupted):
        if so_far:
            keep(report(Ran(results=tuple(so_far), limit=0.0, first_s=0.0, ended="interrupted")))
        raise
    found = report(ran)
    keep(found)
    return found


def _usual(url: str) -> Payload:
    path = urlsplit(url).path
    if path.endswith("/embeddings"):
        return embeddings_payload(_model_of(url))
    if path.endswith("/run"):
        return payload_of("feature-extraction")
    return Payload(body=None, said="GET")


def _model_of(url: str) -> str:
    """The first model that an OpenAI-compatible server names."""
    import base64  # noqa: PLC0415 (one request)
    import http.client  # noqa: PLC0415
    import urllib.request  # noqa: PLC0415

    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    address = parts._replace(netloc=host, path=parts.path.removesuffix("/embeddings") + "/models", query="").geturl()
    headers = {}
    if parts.username is not None:
        own = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(own.encode()).decode()}"
    try:
        request = urllib.request.Request(address, headers=headers)  # noqa: S310 (looked at before)
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return str(json.loads(answer.read(_MODELS_BYTES))["data"][0]["id"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError, http.client.HTTPException) as error:
        raise LoadError(
            f"{address} names no model: {quoted(error)}", hint='--payload FILE with {"model": "…", "input": "…"}'
        ) from None
