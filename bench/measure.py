"""Runs one side of a comparison, and says what it cost and what the Hub saw of it."""

from __future__ import annotations

import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.peers import Job, Peer
from prewarm.localhub import LocalHub

MB = 1_000_000
LIMIT_S = 900
"""After so long a command is ended, and its row says so."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one side cost, all its commands together."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    """Of the largest process."""
    codes: Sequence[int]
    words: str = ""
    """The end of what it said where it failed."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One side, once."""

    case: str
    peer: str
    round: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    api: int
    """Requests that the Hub charged to this bucket, answered or refused."""
    resolvers: int
    pages: int
    free: int
    """Requests to the storage and to resolve-cache, which are not charged."""
    refused: int
    """Answered with 429."""
    sent_bytes: int | None
    """None: another server has sent most of them."""
    ended: str
    """``done``, or how it failed."""
    note: str = ""


def run(command: Sequence[str], *, cwd: Path, environ: dict[str, str], limit_s: float = LIMIT_S) -> Cost:
    """One command, as a whole process; with bytecode, as pip installs it."""
    environ = {key: value for key, value in environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as name:
        target = Path(name) / "cost.json"
        starter = [sys.executable, "-S", "-E", str(Path(__file__).with_name("one.py")), str(target), *command]
        process = subprocess.Popen(
            starter, cwd=cwd, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            said, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said, _ = process.communicate()
            return Cost(wall_s=limit_s, cpu_s=0, peak_mb=0, codes=[-9], words=f"not done after {limit_s:.0f} s")
        found = json.loads(target.read_text())
    words = said.decode(errors="replace")[-600:] if found["code"] else ""
    return Cost(
        wall_s=found["wall_s"], cpu_s=found["cpu_s"], peak_mb=found["peak_mb"], codes=[found["code"]], words=words
    )


def run_all(commands: Iterable[Sequence[str]], *, cwd: Path, environ: dict[str, str]) -> Cost:
    """Commands one after the other, until one fails."""
    costs: list[Cost] = []
    for command in commands:
        costs.append(run(command, cwd=cwd, environ=environ))
        if costs[-1].codes[-1]:
            break
    return together(costs)


def together(costs: Sequence[Cost], *, at_once: bool = False) -> Cost:
    """The costs of several commands as one."""
    return Cost(
        wall_s=max(one.wall_s for one in costs) if at_once else sum(one.wall_s for one in costs),
        cpu_s=sum(one.cpu_s for one in costs),
        peak_mb=max(one.peak_mb for one in costs),
        codes=[code for one in costs for code in one.codes],
        words="".join(one.words for one in costs),
    )


def side(
    peer: Peer,
    hub: LocalHub,
    ids: Sequence[str],
    *,
    case: str,
    at: int,
    loads: bool = False,
    look: Callable[[Job, Cost], str] | None = None,
) -> Run:
    """One peer, with an empty cache, in a folder of its own."""
    with tempfile.TemporaryDirectory() as name, peer.around(hub) as url:
        job = Job(folder=Path(name), url=url, ids=tuple(ids), loads=loads)
        environ = peer.environ(job)
        for command in peer.beforehand(job):
            run(command, cwd=job.folder, environ=environ)
        hub.log.clear()
        cost = run_all(peer.commands(job), cwd=job.folder, environ=environ)
        note = look(job, cost) if look else ""
        return seen(hub, cost, case=case, peer=peer.name, at=at, note=note)


def turns(
    peers: Sequence[Peer], hub: LocalHub, ids: Sequence[str], *, case: str, rounds: int, loads: bool = False
) -> list[Run]:
    """All peers, round by round."""
    return [side(peer, hub, ids, case=case, at=at, loads=loads) for at in range(rounds) for peer in peers]


def seen(hub: LocalHub, cost: Cost, *, case: str, peer: str, at: int, note: str = "") -> Run:
    """A run with what the Hub's log says of it."""
    requests = hub.log.all()
    buckets = [request.bucket for request in requests]
    ended = "done" if not any(cost.codes) else f"exit code {next(code for code in cost.codes if code)}"
    found = Run(
        case=case,
        peer=peer,
        round=at,
        wall_s=cost.wall_s,
        cpu_s=cost.cpu_s,
        peak_mb=cost.peak_mb,
        api=buckets.count("api"),
        resolvers=buckets.count("resolvers"),
        pages=buckets.count("pages"),
        free=buckets.count(None),
        refused=sum(request.status == 429 for request in requests),
        sent_bytes=sum(request.sent_bytes for request in requests),
        ended=ended if "not done" not in cost.words else cost.words,
        note=note,
    )
    print(f"  {case}, {peer}: {found.wall_s:.2f} s, {found.ended}{', ' + note if note else ''}", flush=True)
    if ended != "done":
        print(f"    {cost.words[-400:]!r}", flush=True)
    return found


def without_bytes(runs: Iterable[Run]) -> list[Run]:
    """Runs of which nginx has sent the large files, which nobody counts."""
    return [replace(run, sent_bytes=None) for run in runs]


def about(*libraries: str) -> str:
    """The machine and the versions."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    versions = ", ".join(f"{name} {_version(name)}" for name in ("hf-prewarm", "huggingface_hub", *libraries))
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory_gb:.0f} GB"
    return f"{datetime.now(timezone.utc).date().isoformat()}, {machine}, Python {platform.python_version()}, {versions}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def median(runs: Iterable[Run], what: str) -> float:
    """The median of one figure."""
    return float(statistics.median(getattr(run, what) for run in runs))


def of(runs: Iterable[Run], case: str, peer: str, what: str) -> float:
    """The median of one figure of one side."""
    return median([run for run in runs if (run.case, run.peer) == (case, peer)], what)


def as_rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """As JSON has them, with figures that can be read."""
    return [
        {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(run).items()}
        for run in runs
    ]
