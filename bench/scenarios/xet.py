"""The same bytes over HTTP and over Xet."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from bench import table
from bench.figures import Figures
from bench.measure import MB, about, as_rows, turns
from bench.peers import BESIDE, PEERS, Job, Peer, PrewarmFiles
from bench.repositories import random_file
from bench.scenarios import Asked
from prewarm.localhub import LocalHub, Repository


class Over(PrewarmFiles):
    """prewarm, told how."""

    def __init__(self, how: str) -> None:
        self.name = f"prewarm, {how}"
        self._how = how

    def commands(self, job: Job) -> list[list[str]]:
        """One."""
        self.write_manifest(job)
        return [[sys.executable, "-m", "prewarm", "-q", "--proof", "files", "--transfer", self._how]]


def run(asked: Asked) -> Figures:
    """300 MB, 20 MB/s per connection."""
    size = (10 if asked.quick else 300) * MB
    repository = Repository(repo_id="bench/large")
    repository.commit({"model.safetensors": random_file(asked.folder / "large", size)})
    peers: Sequence[Peer] = (Over("http"), Over("xet"), PEERS["hf"])
    with LocalHub([repository], round_trip_s=0.02, bytes_per_s=20 * MB) as hub:
        hub.routes.serves_xet = True
        runs = turns(peers, hub, ["bench/large"], case=f"{size / MB:.0f} MB", rounds=asked.rounds)
    return Figures(
        scenario="xet",
        setting=f"{size / MB:.0f} MB that the Hub has in Xet, connections of 20 MB/s, 20 ms away; medians of {asked.rounds} rounds.",
        about=about("hf_xet"),
        columns=table.COLUMNS,
        rows=table.rows(runs, dict.fromkeys([*BESIDE, "prewarm, http", "prewarm, xet"], "prewarm, http")),
        notes=[
            (
                "`hf download` comes over Xet. The Xet store here is a small one: chunks are not compressed, xorbs are of 16 MiB. What "
                "the real one does on a real line was not measured."
            )
        ],
        runs=as_rows(runs),
    )
