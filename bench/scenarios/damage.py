"""A flipped byte, and one request in ten that fails: who notices, and who ends with the right files."""

from __future__ import annotations

import hashlib
import itertools
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from bench import table
from bench.figures import Figures
from bench.measure import MB, Cost, Run, about, as_rows, side
from bench.peers import BESIDE, NO_OLAH, Job, chosen, each_for_itself, explained, over_http
from bench.repositories import random_file
from bench.scenarios import Asked
from prewarm.localhub import LocalHub, Repository
from prewarm.localhub.faults import Fault, Faults
from prewarm.localhub.requests import Request

NOT_OVER_XET = (
    "Over plain HTTP. What hf_xet notices was not tried: the hashes of the loopback Hub's Xet store are made up, and nobody can check "
    "them."
)


def run(asked: Asked) -> Figures:
    """Both."""
    peers = over_http(each_for_itself(chosen(asked.peers, models=False)))
    large = random_file(asked.folder / "large", (5 if asked.quick else 60) * MB)
    flipped = Repository(repo_id="bench/flipped")
    flipped.commit({"model.safetensors": large, "config.json": b"{}"})
    truth = hashes({"model.safetensors": large})
    many = Repository(repo_id="bench/failing")
    count = 20 if asked.quick else 100
    contents = {f"{number:03}.json": f'{{"number": {number}}}'.encode() for number in range(count)}
    weights = {f"{number}.safetensors": random_file(asked.folder / str(number), MB) for number in range(10)}
    many.commit({**contents, **weights})
    right = hashes(weights) | {hashlib.sha256(content).hexdigest(): name for name, content in contents.items()}
    runs: list[Run] = []
    with LocalHub([flipped, many], round_trip_s=0.02) as hub:
        for at in range(asked.rounds):
            for peer in peers:
                hub.faults = FlippedOnce(hub)
                look = lambda job, cost: judged(job, cost, truth)  # noqa: E731
                runs.append(side(peer, hub, ["bench/flipped"], case="a flipped byte", at=at, look=look))
            for peer in peers:
                hub.faults = EveryTenth()
                look = lambda job, cost: judged(job, cost, right)  # noqa: E731
                runs.append(side(peer, hub, ["bench/failing"], case="one request in ten fails", at=at, look=look))
    cases = ("a flipped byte", "one request in ten fails")
    runs.sort(key=lambda one: (cases.index(one.case), one.round))
    return Figures(
        scenario="damage",
        setting=f"one byte of a file of {large.stat().st_size / MB:.0f} MB is another one, the first time that it is sent; then "
        f"{count} small files and 10 of 1 MB, where every tenth request to either origin is answered with 503; 20 ms; "
        f"{asked.rounds} rounds.",
        about=about(),
        columns=table.COLUMNS,
        rows=table.rows(runs, BESIDE),
        notes=[
            (
                "`right`: exit code 0, and each file on the disk has the content that the Hub has. `wrong, and not noticed`: exit "
                "code 0, and one has not."
            ),
            NOT_OVER_XET,
            NO_OLAH,
            *explained(peers),
        ],
        runs=as_rows(runs),
    )


class FlippedOnce(Faults):
    """The byte at 1 MB is another one in the first answer that has it, whatever ranges a client asks for."""

    def __init__(self, hub: LocalHub) -> None:
        super().__init__()
        self._hub = hub

    def take(self, *, origin: str, method: str, path: str) -> Fault | None:
        """The fault for a request to the storage, until one has carried the byte."""
        carried = any(has_byte(one) for one in self._hub.log.all() if one.origin == "cdn" and one.method == "GET")
        is_it = origin == "cdn" and method == "GET" and path.endswith("model.safetensors") and not carried
        return Fault(path="*", kind="flip", at_byte=MB) if is_it else None


def has_byte(request: Request) -> bool:
    """Whether its answer has the byte at 1 MB."""
    first, _, last = (request.range or "bytes=0-").removeprefix("bytes=").partition("-")
    return int(first or 0) <= MB <= (int(last) if last else sys.maxsize)


class EveryTenth(Faults):
    """Every tenth request fails, whoever asks."""

    def __init__(self) -> None:
        super().__init__()
        self._count = itertools.count(1)
        self._turn = threading.Lock()

    def take(self, *, origin: str, method: str, path: str) -> Fault | None:
        """The fault for a request."""
        with self._turn:
            return Fault(path="*", kind="status", status=503) if next(self._count) % 10 == 0 else None


def hashes(files: Mapping[str, Path]) -> dict[str, str]:
    """Names by sha256."""
    return {hashlib.sha256(path.read_bytes()).hexdigest(): name for name, path in files.items()}


def judged(job: Job, cost: Cost, truth: Mapping[str, str]) -> str:
    """Whether what is on the disk is what the Hub has, and whether the side knows."""
    found = set()
    for folder, _, names in os.walk(job.folder):
        for name in names:
            path = Path(folder) / name
            if path.is_file():
                found.add(hashlib.sha256(path.read_bytes()).hexdigest())
    missing = len(truth.keys() - found)
    if any(cost.codes):
        return f"fails, {missing} of {len(truth)} files not there" if missing else "fails, all files there"
    return "right" if not missing else f"wrong, and not noticed: {missing} of {len(truth)} files"
