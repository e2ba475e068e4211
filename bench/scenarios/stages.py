"""Whether the line ever idles: runs of many entries, between the first request and the last byte as the Hub saw them."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from bench import table
from bench.figures import Figures
from bench.measure import MB, Run, about, as_rows, run_all, seen
from bench.peers import PEERS, Job
from bench.repositories import models
from bench.scenarios import Asked
from prewarm.localhub import LocalHub, Repository

COUNT = 20


def run(asked: Asked) -> Figures:
    """20 models of 25 MB on a limited line, 20 tiny ones 20 ms away; with and without a proof."""
    count = 3 if asked.quick else COUNT
    runs: list[Run] = []
    large = models(asked.folder, count, vocabulary=1000 if asked.quick else 30_000)
    weights = f"{count} of 25 MB, 8 connections of 10 MB/s"
    with LocalHub(large, bytes_per_s=10 * MB, round_trip_s=0.02) as hub:
        runs += turns(asked, hub, large, weights)
    tiny = models(asked.folder, count)
    with LocalHub(tiny, round_trip_s=0.02) as hub:
        runs += turns(asked, hub, tiny, f"{count} tiny ones")
    return Figures(
        scenario="stages",
        setting=f"{count} models, 20 ms away; the time is that from the first request to the last byte, as the Hub saw it. Without "
        f"a proof nothing is imported and nothing is loaded: what is possible; medians of {asked.rounds} rounds.",
        about=about("transformers", "torch"),
        columns=[*table.COLUMNS[:3], "on the network", *table.COLUMNS[4:8]],
        rows=[row[:8] for row in table.rows(runs, dict.fromkeys(("prewarm", "prewarm, files"), "prewarm, files"))],
        notes=[
            "The ratio is to the run without a proof. Loading goes on after the last byte: see `cold` for whole runs."
        ],
        runs=as_rows(runs),
    )


def turns(asked: Asked, hub: LocalHub, repositories: list[Repository], case: str) -> list[Run]:
    """Both, round by round."""
    found = []
    for at in range(asked.rounds):
        for name, flags in (("prewarm, files", ["--proof", "files"]), ("prewarm", [])):
            with tempfile.TemporaryDirectory() as place:
                job = Job(folder=Path(place), url=hub.url, ids=[one.repo_id for one in repositories], loads=True)
                peer = PEERS["prewarm"]
                peer.commands(job)
                hub.log.clear()
                command = [sys.executable, "-m", "prewarm", "-q", *flags]
                cost = run_all([command], cwd=job.folder, environ=peer.environ(job))
                found.append(replace(seen(hub, cost, case=case, peer=name, at=at), wall_s=hub.log.span_s()))
    return found
