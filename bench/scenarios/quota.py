"""More work than the window of an anonymous user allows, and four processes on one address."""

from __future__ import annotations

import concurrent.futures
import tempfile
from pathlib import Path

from bench import table
from bench.figures import Figures, Plot, Series
from bench.measure import Run, about, as_rows, of, run_all, seen, side, together
from bench.peers import BESIDE, NO_OLAH, Job, Peer, chosen, each_for_itself, explained, over_http
from bench.repositories import small_files
from bench.scenarios import Asked
from prewarm.localhub import LocalHub, Quota, Quotas, Repository

WINDOW_S = 15.0
SCALE = 10
"""The real window is 300 s, with 500 requests to the API and 3,000 to resolvers: a tenth of these here, in 15 s."""
REPOSITORIES, FILES = 12, 40


def run(asked: Asked) -> Figures:
    """12 repositories of 40 files, 300 of which fit into a window."""
    window_s = 2.0 if asked.quick else WINDOW_S
    repositories = [small_files(f"bench/many-{number}", FILES) for number in range(2 if asked.quick else REPOSITORIES)]
    peers = over_http(each_for_itself(chosen(asked.peers, models=False)))
    runs: list[Run] = []
    for at in range(asked.rounds):
        for peer in peers:
            with hub_of(repositories, window_s, asked.quick) as hub:
                runs.append(side(peer, hub, [one.repo_id for one in repositories], case="one process", at=at))
        for peer in peers:
            with hub_of(repositories, window_s, asked.quick) as hub:
                runs.append(four(peer, hub, repositories, at))
    cases = ("one process", "four processes")
    runs.sort(key=lambda one: (cases.index(one.case), one.round))
    names = [peer.name for peer in peers]

    def refused(case: str, name: str) -> float:
        return of(runs, case, name, "refused")

    needed = len(repositories) * FILES
    return Figures(
        scenario="quota",
        setting=f"{len(repositories)} repositories of {FILES} small files, {needed} in all, for an address that may send "
        f"{500 // SCALE} requests to the API and {3000 // SCALE} to resolvers in {window_s:g} s (a tenth of the Hub's "
        f"quotas, and a twentieth of its window); then four processes at once on that address, with a quarter of the repositories and a cache each; medians of "
        f"{asked.rounds} rounds.",
        about=about(),
        columns=table.COLUMNS,
        rows=table.rows(runs, BESIDE),
        notes=[
            ("A refusal of the real Hub costs a wait of up to 300 s, twenty times as long as here, and others behind the same "
            "address wait too."),
            "hubdl ends at a refusal that its tries do not outlast: its exit code is 1 then.",
            NO_OLAH,
            *explained(peers),
        ],
        runs=as_rows(runs),
        plots=[
            Plot(
                name="quota-refused", title="Requests that were refused with 429", x="", y="requests", kind="bars",
                labels=names,
                series=[Series(name=case, x=(), y=[refused(case, name) for name in names]) for case in cases],
            )
        ],
    )  # fmt: skip


def hub_of(repositories: list[Repository], window_s: float, quick: bool) -> LocalHub:
    """With windows of its own."""
    scale = 50 if quick else SCALE
    quotas = {
        "api": Quota(requests=500 // scale, window_s=window_s),
        "resolvers": Quota(requests=3000 // scale, window_s=window_s),
        "pages": Quota(requests=100 // scale, window_s=window_s),
    }
    return LocalHub(repositories, quotas=Quotas(quotas), round_trip_s=0.02)


def four(peer: Peer, hub: LocalHub, repositories: list[Repository], at: int) -> Run:
    """At once, with a cache each: containers or jobs of one machine have no more in common than their address."""
    with tempfile.TemporaryDirectory() as name, concurrent.futures.ThreadPoolExecutor(4) as pool:
        jobs = []
        for number in range(4):
            folder = Path(name) / str(number)
            folder.mkdir()
            ids = tuple(one.repo_id for one in repositories[number::4])
            if ids:
                jobs.append(Job(folder=folder, url=hub.url, ids=ids, loads=False))
        for job in jobs:
            for command in peer.beforehand(job):
                run_all([command], cwd=job.folder, environ=peer.environ(job))
        hub.log.clear()
        running = [pool.submit(run_all, peer.commands(job), cwd=job.folder, environ=peer.environ(job)) for job in jobs]
        cost = together([one.result() for one in running], at_once=True)
        return seen(hub, cost, case="four processes", peer=peer.name, at=at)
