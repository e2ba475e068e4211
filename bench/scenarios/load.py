"""The generator of ``prewarm load`` beside wrk, closed loop, on servers that sleep."""

from __future__ import annotations

import json
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from bench.figures import Figures
from bench.measure import about
from bench.scenarios import Asked, Skipped

SERVER = Path(__file__).parents[2] / "tests" / "load" / "slow_server.py"
CASES = (
    (4, 0.05, 8), (1000, 0.05, 16), (1000, 0.005, 1), (16, 0.005, 64), (8, 0.01, 16), (1000, 0.005, 8), (1000, 0.002, 4),
)  # fmt: skip


def run(asked: Asked) -> Figures:
    """The server's capacity is known, and below the generator's limit, which every test measures."""
    if shutil.which("wrk") is None:
        raise Skipped("wrk is not there: apt-get install wrk")
    duration = 1 if asked.quick else 4
    rows, runs, limits = [], [], []
    for slots, sleep, connections in CASES[:1] if asked.quick else CASES:
        server = subprocess.Popen(
            [sys.executable, str(SERVER), "--slots", str(slots), "--sleep", str(sleep)],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{server.stdout.readline().strip()}/"
            found = [(wrk(url, connections, duration), *own(url, connections, duration)) for _ in range(asked.rounds)]
        finally:
            server.kill()
            server.wait()
        theirs, ours, limit = (statistics.median(column) for column in zip(*found, strict=True))
        ratio = statistics.median(b / a for a, b, _ in found)
        limits.append(limit)
        rows.append(
            [str(slots), f"{sleep * 1000:g} ms", str(connections), f"{ratio:.2f}", f"{theirs:,.1f}", f"{ours:,.1f}"]
        )
        runs.append({"slots": slots, "sleep_s": sleep, "connections": connections, "runs": found})
    return Figures(
        scenario="load",
        setting=f"requests a second, {duration} s each, in turns, medians of {asked.rounds} rounds; the server is on the same cores. The "
        f"generator's own limit, which every test measures, was {statistics.median(limits):,.0f} requests a second.",
        about=about("aiohttp"),
        columns=["slots", "sleep", "connections", "ratio", "wrk", "prewarm load"],
        rows=rows,
        notes=[
            ("The ratio is prewarm's requests to wrk's: below 1 wrk sends more. Where all connections are answered at the same instant, "
            "some 60 microseconds of Python for each come one after the other: a report says of such a step what share of its latency "
            "that may be."),
        ],
        runs=runs,
    )  # fmt: skip


def wrk(url: str, connections: int, duration: int) -> float:
    """Requests a second."""
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{duration}s", url], capture_output=True, text=True, check=True
    )
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    assert found, done.stdout
    return float(found[1])


def own(url: str, connections: int, duration: int) -> tuple[float, float]:
    """Requests a second, and the generator's limit."""
    words = ["load", url, "--concurrency", str(connections), "--duration", f"{duration}s", "--json"]
    done = subprocess.run([sys.executable, "-m", "prewarm", *words], capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    return report["steps"][0]["rate"], report["generator_limit"]
