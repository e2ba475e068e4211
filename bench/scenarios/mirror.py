"""``prewarm mirror``: a cache as a Hub, to 1 and 8 clients."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from bench.figures import Figures
from bench.measure import MB, about
from bench.nginx import free_port
from bench.repositories import random_file
from bench.scenarios import Asked
from prewarm.localhub import LocalHub, Repository


def run(asked: Asked) -> Figures:
    """Files go out by sendfile; curl reads them, and keeps nothing."""
    size = (10 if asked.quick else 300) * MB
    repository = Repository(repo_id="bench/large")
    repository.commit({"model.safetensors": random_file(asked.folder / "large", size)})
    (asked.folder / "prewarm.toml").write_text('[[advanced]]\nid = "bench/large"\ninclude = ["*"]\n')
    environ = {**os.environ, "HF_HOME": str(asked.folder / "home")}
    prewarm = [sys.executable, "-m", "prewarm"]
    with LocalHub([repository]) as hub:
        subprocess.run([*prewarm, "-q"], cwd=asked.folder, env=environ | {"HF_ENDPOINT": hub.url}, check=True)
    port = free_port()
    server = subprocess.Popen(
        [*prewarm, "mirror", "--port", str(port)], cwd=asked.folder, env=environ, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    rows, runs = [], []
    try:
        wait(port)
        url = f"http://127.0.0.1:{port}/bench/large/resolve/main/model.safetensors"
        for clients in (1, 8):
            found = [fetched(url, clients, size) for _ in range(asked.rounds)]
            rows.append([str(clients), f"{statistics.median(found) / 1e9:.1f} GB/s", f"{peak_mb(server.pid):.0f} MB"])
            runs.append({"clients": clients, "bytes_per_s": [round(one) for one in found]})
    finally:
        server.terminate()
        server.wait()
    return Figures(
        scenario="mirror",
        setting=f"`curl` reads {size / MB:.0f} MB over loopback, on the cores that the mirror has too; medians of {asked.rounds} rounds.",
        about=about(),
        columns=["clients", "together", "peak memory of the mirror"],
        rows=rows,
        runs=runs,
    )


def fetched(url: str, clients: int, size: int) -> float:
    """Bytes a second of all clients together."""
    curl = shutil.which("curl") or "curl"
    began = time.perf_counter()
    running = [subprocess.Popen([curl, "-sfL", "-o", "/dev/null", url]) for _ in range(clients)]
    assert [process.wait() for process in running] == [0] * clients
    return size * clients / (time.perf_counter() - began)


def peak_mb(pid: int) -> float:
    """So far."""
    with Path(f"/proc/{pid}/status").open() as status:
        return next(int(line.split()[1]) / 1000 for line in status if line.startswith("VmHWM"))


def wait(port: int) -> None:
    """Until it answers."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the mirror does not answer")
