"""Puts the steps of a load test on a server. Changes with their order, and with what ends them early."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prewarm.load.generator import Generator
from prewarm.load.payloads import Payload
from prewarm.load.statistics import result_of
from prewarm.load.usage import watching
from prewarm.records.errors import LoadError
from prewarm.records.load import Step, StepResult
from prewarm.records.text import quoted, without_credentials
from prewarm.records.units import plural

_ECHO = Path(__file__).with_name("_echo") / "__main__.py"
_LIMIT_S = 0.5
_WARM_UP = 5
_WARM_UP_S = 10.0
_SPARE = 128


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is asked."""

    url: str
    payload: Payload
    pid: int | None
    """Of the server, where it is on this machine."""
    is_alive: Callable[[], bool]
    """Whether the server still runs."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What came of the steps."""

    results: tuple[StepResult, ...]
    limit: float
    """Requests a second that the generator reaches against a server that does nothing."""
    first_s: float
    """The first answer, in seconds."""
    ended: str
    """Why the last steps were left out; empty: they were not."""


def run(
    target: Target,
    steps: Sequence[Step],
    *,
    duration_s: float,
    timeout_s: float,
    done: Callable[[StepResult], None],
) -> Ran:
    """Warm the server up, and put one step after the other on it.

    Args:
        target: the server.
        steps: the loads.
        duration_s: of each of them.
        timeout_s: the longest that one answer is waited for.
        done: is told of every step.

    Raises:
        LoadError: it does not answer even once, or aiohttp is missing.
    """
    try:
        import aiohttp  # noqa: F401, PLC0415 (an extra)
    except ImportError:
        raise LoadError("a package is missing: aiohttp", hint='pip install "hf-prewarm[load]"') from None
    _make_room(max(step.value * (timeout_s if step.kind == "rate" else 1) for step in steps))
    return asyncio.run(_run(target, steps, duration_s, timeout_s, done))


def _make_room(connections: float) -> None:
    """Let this process have as many connections as it may need, as far as the system lets it."""
    with suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 (not on Windows)

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = int(connections) + _SPARE
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


async def _run(
    target: Target, steps: Sequence[Step], duration_s: float, timeout_s: float, done: Callable[[StepResult], None]
) -> Ran:
    async with _session(timeout_s) as session:
        most = max((int(step.value) for step in steps if step.kind == "concurrency"), default=64)
        limit = await _limit(session, target.payload, most, timeout_s)
        generator = Generator(session, target.url, target.payload, timeout_s)
        first_s = await _warmed_up(generator, target)
        results: list[StepResult] = []
        for at, step in enumerate(steps):
            with watching(target.pid) as watch:
                fired = await generator.fire(step, duration_s)
                usage = watch.usage() if watch is not None else None
            results.append(result_of(step, fired.shots, fired.lags, duration_s, usage))
            done(results[-1])
            if not results[-1].answered:
                failures = results[-1].failures
                reason = max(failures, key=lambda one: failures[one], default="nothing was sent")
                left = len(steps) - at - 1
                died = "" if target.is_alive() else "the server has died: "
                ended = f"{died}at {step.name} nothing was answered ({reason})"
                return _ran(results, limit, first_s, ended + (f", {plural(left, 'step')} left out" if left else ""))
            if not target.is_alive():
                return _ran(results, limit, first_s, f"the server has died at {step.name}")
        return _ran(results, limit, first_s, "")


def _ran(results: Sequence[StepResult], limit: float, first_s: float, ended: str) -> Ran:
    return Ran(results=tuple(results), limit=limit, first_s=first_s, ended=ended)


def _session(timeout_s: float) -> Any:
    import aiohttp  # noqa: PLC0415

    # As many connections as there are requests: who waits for one would hide what the server takes.
    connector = aiohttp.TCPConnector(limit=0, limit_per_host=0)
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    )


async def _warmed_up(generator: Generator, target: Target) -> float:
    """Seconds of the first answer.

    Raises:
        LoadError: there is none.
    """
    now = asyncio.get_running_loop().time
    began = now()
    failure = await generator.once()
    first_s = now() - began
    for _ in range(_WARM_UP - 1):
        # Who has waited for a whole time-out waits for no other.
        if failure is None or failure.startswith("no answer within"):
            break
        await asyncio.sleep(0.2)
        again = now()
        failure = await generator.once()
        first_s = now() - again
    if failure is not None:
        died = "" if target.is_alive() else "the server has died: "
        said = f": {quoted(generator.detail, 300)}" if generator.detail else ""
        raise LoadError(
            f"{died}{without_credentials(target.url)}: {failure}{said}",
            hint="--payload FILE sends what it takes; --timeout 60s waits longer",
        )
    for _ in range(_WARM_UP):
        if now() - began > _WARM_UP_S:
            break
        await generator.once()
    return first_s


async def _limit(session: Any, payload: Payload, most: int, timeout_s: float) -> float:
    """Requests a second that the generator reaches against a server that does nothing."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(_ECHO), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        port = int(await process.stdout.readline())
        own = Generator(session, f"http://127.0.0.1:{port}/", payload, timeout_s)
        await own.once()
        fired = await own.fire(Step(kind="concurrency", value=min(most, 64)), _LIMIT_S)
        return sum(shot.failure is None for shot in fired.shots) / _LIMIT_S
    except ValueError:
        return 0.0
    finally:
        with suppress(OSError):
            process.stdin.close()
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
