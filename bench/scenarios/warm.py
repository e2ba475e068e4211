"""Everything is there already: what a start costs."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench import table
from bench.figures import Figures, Plot, Series
from bench.measure import Run, about, as_rows, median, run_all, seen
from bench.peers import BESIDE, Job, Peer, chosen, explained
from bench.repositories import models
from bench.scenarios import Asked
from prewarm.localhub import LocalHub

COUNTS = (1, 20, 100, 1000)
MOST = {"prewarm": 1000, "prewarm check": 1000, "snapshot_download": 1000, "from_pretrained": 100, "hf": 100}
"""Entries that each is asked for: what lies above takes minutes, and grows as below."""


class Check(Peer):
    """What is ready, from the disk alone."""

    name = "prewarm check"
    how = "`prewarm check`"

    def commands(self, job: Job) -> list[list[str]]:
        """One."""
        return [[sys.executable, "-m", "prewarm", "check", "-q"]]


def run(asked: Asked) -> Figures:
    """The second start."""
    counts = (1, 3) if asked.quick else COUNTS
    repositories = models(asked.folder, max(counts))
    peers = [peer for peer in chosen(asked.peers, models=True) if peer.name in MOST]
    peers.insert(1, Check())
    runs: list[Run] = []
    with LocalHub(repositories, round_trip_s=0.02) as hub:
        for count in counts:
            ids = [repository.repo_id for repository in repositories[:count]]
            for peer in peers:
                if count <= MOST[peer.name] and not isinstance(peer, Check):
                    both = {peer.name: peer, **({"prewarm check": peers[1]} if peer.name == "prewarm" else {})}
                    runs += again(hub, both, ids, asked.rounds)
    order = [peer.name for peer in peers]
    runs.sort(key=lambda one: (int(one.case.split()[0]), order.index(one.peer), one.round))
    return Figures(
        scenario="warm",
        setting=f"tiny models that are all in the cache, proven or loaded once before; 20 ms; medians of {asked.rounds} rounds.",
        about=about("transformers", "torch"),
        columns=table.COLUMNS,
        rows=table.rows(runs, dict.fromkeys(BESIDE, "prewarm") | {"prewarm check": "prewarm"}),
        notes=[
            (
                "All are compared with `prewarm`, which finds nothing to do. `from_pretrained` loads its models as well; what it "
                "asks of the Hub is what counts here. `hf` and `from_pretrained` were asked for 100 entries at most."
            ),
            *explained(peers),
        ],
        runs=as_rows(runs),
        plots=[
            plot("warm-time", "A start with everything there", "seconds", runs, order, "wall_s"),
            plot("warm-requests", "Metered requests of a start with everything there", "requests", runs, order, "api"),
        ],
    )


def plot(name: str, title: str, y: str, runs: list[Run], order: list[str], what: str) -> Plot:
    """Lines over the number of entries."""
    series = []
    for peer in order:
        own = [one for one in runs if one.peer == peer]
        counts = sorted({int(one.case.split()[0]) for one in own})
        values = [
            sum(median([one for one in own if one.case == named(count)], part) for part in parts(what))
            for count in counts
        ]
        series.append(Series(name=peer, x=counts, y=values))
    return Plot(name=name, title=title, x="entries", y=y, series=series, logarithmic=True)


def parts(what: str) -> tuple[str, ...]:
    """A figure, or the two buckets."""
    return ("api", "resolvers") if what == "api" else (what,)


def named(count: int) -> str:
    """As the table has it."""
    return f"{count:} entr{'y' if count == 1 else 'ies'}"


def again(hub: LocalHub, peers: dict[str, Peer], ids: list[str], rounds: int) -> list[Run]:
    """Once to fill the cache, then what is measured."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        first = next(iter(peers.values()))
        job = Job(folder=Path(name), url=hub.url, ids=tuple(ids), loads=True)
        filled = run_all(first.commands(job), cwd=job.folder, environ=first.environ(job))
        assert not any(filled.codes), filled.words
        for at in range(rounds):
            for called, peer in peers.items():
                hub.log.clear()
                cost = run_all(peer.commands(job), cwd=job.folder, environ=peer.environ(job))
                found.append(seen(hub, cost, case=named(len(ids)), peer=called, at=at))
    return found
