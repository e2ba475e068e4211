"""A line that is not the limit: one large file from nginx, beside the least that a verified download can be."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bench import nginx, table
from bench.figures import Figures
from bench.measure import MB, Cost, Run, about, as_rows, run_all, seen
from bench.measure import run as run_command
from bench.peers import HERE, PEERS, Job
from bench.repositories import random_file
from bench.scenarios import Asked, Skipped
from prewarm.localhub import LocalHub

SMALL, LARGE = "bench/small", "bench/large"
BASE = "bare loop, 8 connections"


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Where the large file lies."""

    url: str
    sha256: str
    size: int
    trust: dict[str, str]
    """The certificate, in the environment."""

    @property
    def address(self) -> str:
        """Of the large file."""
        return f"{self.url}/lfs/{self.sha256}"


def run(asked: Asked) -> Figures:
    """2 GB, plain and over TLS."""
    if not nginx.is_there():
        raise Skipped("nginx and openssl are not there: apt-get install nginx-light openssl")
    size = (20 if asked.quick else 2000) * MB
    runs: list[Run] = []
    files = {SMALL: random_file(asked.folder / "small", 1), LARGE: random_file(asked.folder / "large", size)}
    with LocalHub() as hub, nginx.nginx(asked.folder) as addresses:
        hashes = {}
        for repo_id, path in files.items():
            commit = nginx.serve(hub, repo_id, {"model.safetensors": path}, asked.folder).resolve("main")
            assert commit is not None
            hashes[repo_id] = str(commit.files["model.safetensors"].sha256)
        trust = {"SSL_CERT_FILE": str(asked.folder / "cert.pem")}
        for case, url in addresses.items():
            hub.routes.cdn_url = url
            storage = Storage(url=url, sha256=hashes[LARGE], size=size, trust=trust)
            runs += turns(asked, hub, storage, case)
    return Figures(
        scenario="fast",
        setting=f"{size / MB:,.0f} MB from nginx on loopback; whole processes less what each needs to start, which is measured in "
        f"the same way with a file of one byte; medians of {asked.rounds} rounds.",
        about=about(),
        columns=[*table.COLUMNS[:6], "speed"],
        rows=[
            [*row[:6], f"{size / MB / float(row[3].split()[0].replace(',', '')):,.0f} MB/s"]
            for row in table.rows(runs, {run.peer: BASE for run in runs})
        ],
        notes=[
            (
                "The ratio is to the bare loop with 8 connections. The bare loop (`bench/peers/bare.py`) reads ranges into buffers of its own, writes and hashes them, without retries, "
                "resuming or limits; aria2c has 8 connections. prewarm and the bare loop hash what arrives, the others do not."
            ),
        ],
        runs=as_rows(runs),
    )


def turns(asked: Asked, hub: LocalHub, storage: Storage, case: str) -> list[Run]:
    """All sides, round by round."""
    sides: dict[str, Callable[[Path, str], Cost]] = {
        "bare loop, 2 connections": partial(bare, storage, 2),
        BASE: partial(bare, storage, 8),
        "prewarm": partial(peer, storage, hub, "prewarm, files"),
        "hf": partial(peer, storage, hub, "hf"),
    }
    if shutil.which("aria2c"):
        sides["aria2c"] = partial(aria2, storage)
    found = []
    for at in range(asked.rounds):
        for name, side in sides.items():
            costs = []
            for repo_id in (SMALL, LARGE):
                with tempfile.TemporaryDirectory(dir=asked.folder) as place:
                    costs.append(side(Path(place), repo_id))
            hub.log.clear()
            one = seen(hub, costs[1], case=case, peer=name, at=at)
            found.append(replace(one, wall_s=max(0.001, costs[1].wall_s - costs[0].wall_s)))
    return found


def peer(storage: Storage, hub: LocalHub, name: str, place: Path, repo_id: str) -> Cost:
    """One that asks the Hub."""
    job = Job(folder=place, url=hub.url, ids=(repo_id,), loads=False)
    return run_all(PEERS[name].commands(job), cwd=place, environ=PEERS[name].environ(job) | storage.trust)


def bare(storage: Storage, connections: int, place: Path, repo_id: str) -> Cost:
    """The loop."""
    if repo_id == SMALL:
        return run_command([sys.executable, str(HERE / "bare.py")], cwd=place, environ=dict(os.environ))
    words = [storage.address, str(storage.size), storage.sha256, "bare", str(connections)]
    return run_command(
        [sys.executable, str(HERE / "bare.py"), *words], cwd=place, environ=dict(os.environ) | storage.trust
    )


def aria2(storage: Storage, place: Path, repo_id: str) -> Cost:
    """aria2c alone, which is told the address."""
    flags = ["-x8", "-s8", "-k1M", "-q", "--file-allocation=none", f"--ca-certificate={storage.trust['SSL_CERT_FILE']}"]
    words = ["aria2c", *flags, storage.address] if repo_id == LARGE else ["aria2c", "--version"]
    return run_command(words, cwd=place, environ=dict(os.environ))
