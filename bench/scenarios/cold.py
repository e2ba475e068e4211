"""Small models on an empty cache."""

from __future__ import annotations

from bench import table
from bench.figures import Figures, Plot, Series
from bench.measure import Run, about, as_rows, of, turns
from bench.peers import BESIDE, chosen, explained, over_http
from bench.repositories import bytes_of, models
from bench.scenarios import Asked
from prewarm.localhub import LocalHub

COUNT = 10


def run(asked: Asked) -> Figures:
    """Ten tiny BERTs with a tokenizer and a readme, six files each."""
    count = 2 if asked.quick else COUNT
    repositories = models(asked.folder, count)
    ids = [repository.repo_id for repository in repositories]
    peers = over_http(chosen(asked.peers, models=True))
    runs: list[Run] = []
    for ms in (20,) if asked.quick else (20, 100):
        with LocalHub(repositories, round_trip_s=ms / 1000) as hub:
            runs += turns(peers, hub, ids, case=f"{ms} ms", rounds=asked.rounds, loads=True)
    shown = [peer.name for peer in peers]
    cases = list(dict.fromkeys(run.case for run in runs))
    seconds = [
        Series(
            name=case,
            x=(),
            y=[of(runs, case, name, "wall_s") for name in shown],
        )
        for case in cases
    ]
    requests = [of(runs, cases[0], name, "api") + of(runs, cases[0], name, "resolvers") for name in shown]
    return Figures(
        scenario="cold",
        setting=f"{count} models of six files, {bytes_of(repositories[0]) / 1e6:.1f} MB each, one of them a readme; round trips of 20 and 100 ms, no quota; "
        f"medians of {asked.rounds} rounds, the peers in turn.",
        about=about("transformers", "torch"),
        columns=table.COLUMNS,
        rows=table.rows(runs, BESIDE),
        notes=[
            ("What loads the models is compared with `prewarm`, what only downloads with `prewarm --proof files`. What olah's server "
            "itself takes is not counted."),
            *explained(peers),
        ],
        runs=as_rows(runs),
        plots=[
            Plot(
                name="cold-time", title=f"{count} small models, empty cache", x="", y="seconds", kind="bars",
                labels=shown, series=seconds,
            ),
            Plot(
                name="cold-requests", title=f"Requests that count against the Hub's limits, {count} small models", x="",
                y="requests", kind="bars", labels=shown, series=[Series(name="metered requests", x=(), y=requests)],
            ),
        ],
    )  # fmt: skip
