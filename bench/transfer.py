"""Measures prewarm's downloads against ``hf download``, in turns, on a Hub on loopback with a set line.

    python bench/transfer.py              everything, a few minutes
    python bench/transfer.py large kill   these alone

Prints ratios and request counts. Both sides are whole processes, started anew each time with an empty cache; the Hub
runs in this process. Timings of one machine at one time mean little: look at the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from prewarm.localhub import LocalHub, Quota, Quotas, Repository

MB = 1_000_000
LARGE_BYTES = 300 * MB
HF = str(Path(sys.executable).with_name("hf"))


class Side:
    """One of the two that are compared, with an empty cache for every run."""

    def __init__(self, name: str, commands: Callable[[Path], list[list[str]]]) -> None:
        self.name = name
        self._commands = commands

    def run(self, hub: LocalHub, folder: Path, *, home: str = "home") -> float:
        """Seconds of all its commands, one after the other."""
        began = time.perf_counter()
        for command in self._commands(folder):
            done = subprocess.run(
                command, cwd=folder, env=environment(hub, folder / home), capture_output=True, check=False
            )
            if done.returncode:
                raise RuntimeError(f"{command}: {done.stderr.decode()[-2000:]}")
        return time.perf_counter() - began


def about(*libraries: str) -> str:
    """The machine and the versions, for the first line."""
    versions = ", ".join(f"{name} {version(name)}" for name in libraries)
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"


def environment(hub: LocalHub, home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PREWARM_"))}
    return {
        **kept,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }


def prewarm_command(folder: Path, repo_ids: Sequence[str], include: str, *flags: str) -> list[str]:
    entries = "".join(f'[[advanced]]\nid = "{repo_id}"\ninclude = ["{include}"]\n' for repo_id in repo_ids)
    (folder / "prewarm.toml").write_text(entries)
    return [sys.executable, "-m", "prewarm", "--proof", "files", "--no-lock", "-q", "--workers", "8", *flags]


def random_file(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        for _ in range(size // MB):
            file.write(os.urandom(MB))
        file.write(os.urandom(size % MB))
    return path


def pairs(
    first: Side, second: Side, hub: LocalHub, runs: int, said: str = "than hf download"
) -> tuple[list[float], list[float]]:
    """Times of both sides, in turns, each in a folder of its own."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        for side, found in zip((first, second), times, strict=True):
            with tempfile.TemporaryDirectory() as folder:
                hub.log.clear()
                found.append(side.run(hub, Path(folder)))
                metered = len(hub.log.metered())
                print(f"  {side.name:12} {found[-1]:6.2f} s   {metered} metered requests, {len(hub.log.all())} in all")
    ratio = [b / a for a, b in zip(*times, strict=True)]
    spread = f"median of {runs}; {min(ratio):.2f} to {max(ratio):.2f}"
    print(f"  {statistics.median(ratio):.2f} times as fast {said} ({spread})")
    return times


def sides(repo_ids: Sequence[str], include: str) -> tuple[Side, Side]:
    mine = Side("prewarm", lambda folder: [prewarm_command(folder, repo_ids, include)])
    theirs = Side("hf download", lambda folder: [[HF, "download", repo_id] for repo_id in repo_ids])
    return mine, theirs


def large(folder: Path, runs: int) -> None:
    """300 MB at 20 MB/s per connection, 20 ms round trip."""
    repository = Repository(repo_id="bench/large")
    repository.commit({"model.safetensors": random_file(folder / "large", LARGE_BYTES)})
    with LocalHub([repository], bytes_per_s=20 * MB, round_trip_s=0.02) as hub:
        mine, _ = pairs(*sides(["bench/large"], "*"), hub, runs)
        with tempfile.TemporaryDirectory() as home:
            prewarm_command(Path(home), ["bench/large"], "*")
            report = json.loads(
                subprocess.run(
                    [sys.executable, "-m", "prewarm", "--proof", "files", "--no-lock", "--json", "--workers", "8"],
                    cwd=home,
                    env=environment(hub, Path(home) / "home"),
                    capture_output=True,
                    check=True,
                ).stdout
            )
    took = report["totals"]["elapsed_s"]
    print(
        f"  within the run: {LARGE_BYTES / took / MB:.0f} MB/s, {LARGE_BYTES / took / (8 * 20 * MB):.0%} of 8 × 20 MB/s"
    )
    print(f"  as a process:   {LARGE_BYTES / statistics.median(mine) / MB:.0f} MB/s")


def unlimited(folder: Path, runs: int) -> None:
    """300 MB as fast as loopback is."""
    repository = Repository(repo_id="bench/large")
    repository.commit({"model.safetensors": random_file(folder / "unlimited", LARGE_BYTES)})
    with LocalHub([repository]) as hub:
        pairs(*sides(["bench/large"], "*"), hub, runs)


def small(folder: Path, runs: int) -> None:
    """20 repositories of 4 needed files and a readme, 20 ms round trip."""
    hub_repositories = []
    for number in range(20):
        repository = Repository(repo_id=f"bench/small-{number}")
        names = ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors", "README.md")
        repository.commit({name: f"{number} {name}".encode() * 500 for name in names})
        hub_repositories.append(repository)
    ids = [repository.repo_id for repository in hub_repositories]
    with LocalHub(hub_repositories, round_trip_s=0.02) as hub:
        pairs(*sides(ids, "[!R]*"), hub, runs)


def quota(folder: Path, runs: int) -> None:
    """100 files, 20 resolver requests per 6 s."""
    repository = Repository(repo_id="bench/many")
    repository.commit({f"{number:03}.txt": str(number).encode() for number in range(100)})
    for _ in range(runs):
        with LocalHub([repository], quotas=Quotas({"resolvers": Quota(requests=20, window_s=6)})) as hub:
            with tempfile.TemporaryDirectory() as name:
                took = Side("prewarm", lambda at: [prewarm_command(at, ["bench/many"], "*")]).run(hub, Path(name))
            refused = sum(request.status == 429 for request in hub.log.all())
        best = 4 * 6
        print(f"  {took:.1f} s, {took / best:.2f} times the {best} s that four resets take; {refused} refusals")


def kill(folder: Path, runs: int) -> None:
    """300 MB, killed at half with kill -9, and run again."""
    repository = Repository(repo_id="bench/large")
    repository.commit({"model.safetensors": random_file(folder / "kill", LARGE_BYTES)})
    with LocalHub([repository], bytes_per_s=20 * MB, round_trip_s=0.02) as hub:
        _killed(hub, runs)


def _killed(hub: LocalHub, runs: int, *flags: str) -> None:
    for _ in range(runs):
        hub.log.clear()
        with tempfile.TemporaryDirectory() as name:
            at = Path(name)
            command = prewarm_command(at, ["bench/large"], "*", *flags)
            process = subprocess.Popen(command, cwd=at, env=environment(hub, at / "home"))
            while sum(request.sent_bytes for request in hub.log.all()) < LARGE_BYTES / 2:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            process.wait()
            time.sleep(0.5)
            before = sum(request.sent_bytes for request in hub.log.all())
            hub.log.clear()
            subprocess.run(command, cwd=at, env=environment(hub, at / "home"), check=True)
            again = sum(request.sent_bytes for request in hub.log.all() if request.origin == "cdn")
        print(f"  killed after {before / LARGE_BYTES:.0%}; the second run transferred {again / LARGE_BYTES:.0%}")


def xet(folder: Path, runs: int) -> None:
    """300 MB in Xet, 20 MB/s per connection, 20 ms round trip: over HTTP, over Xet, and killed at half."""
    repository = Repository(repo_id="bench/large")
    repository.commit({"model.safetensors": random_file(folder / "xet", LARGE_BYTES)})
    with LocalHub([repository], bytes_per_s=20 * MB, round_trip_s=0.02) as hub:
        hub.routes.serves_xet = True

        def over(how: str) -> Side:
            return Side(f"over {how}", lambda at: [prewarm_command(at, ["bench/large"], "*", "--transfer", how)])

        theirs = Side("hf download", lambda at: [[HF, "download", "bench/large"]])
        pairs(over("http"), over("xet"), hub, runs, "over HTTP than over Xet")
        pairs(over("xet"), theirs, hub, runs, "over Xet than hf download over Xet")
        _killed(hub, runs, "--transfer", "xet")


SCENARIOS = {"large": large, "unlimited": unlimited, "small": small, "quota": quota, "kill": kill, "xet": xet}


def main(doc: str | None, scenarios: Mapping[str, Callable[[Path, int], None]], *libraries: str) -> None:
    """Run the scenarios that are named on the command line, or all of them."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"of {', '.join(scenarios)}; all by default")
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    print(about("hf-prewarm", "huggingface_hub", *libraries))
    with tempfile.TemporaryDirectory() as name:
        for scenario in asked.scenarios or scenarios:
            print(f"{scenario}: {scenarios[scenario].__doc__}")
            scenarios[scenario](Path(name), asked.runs)


if __name__ == "__main__":
    main(__doc__, SCENARIOS, "hf_xet")
