"""Killed at half with ``kill -9``, and run again."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from bench import table
from bench.figures import Figures, Plot, Series
from bench.measure import MB, Run, about, as_rows, of, run_all, seen
from bench.peers import BESIDE, NO_OLAH, OVER_HTTP, Job, Peer, chosen, each_for_itself, explained
from bench.repositories import random_file
from bench.scenarios import Asked
from prewarm.localhub import LocalHub, Repository


def run(asked: Asked) -> Figures:
    """300 MB in one file, and in eight."""
    size = (40 if asked.quick else 304) * MB
    peers = each_for_itself(chosen(asked.peers, models=False))
    runs: list[Run] = []
    for count in (1, 8):
        files = {
            f"{number}.safetensors": random_file(asked.folder / f"{count}-{number}", size // count)
            for number in range(count)
        }
        repository = Repository(repo_id="bench/large")
        repository.commit(dict(files))
        with LocalHub([repository], round_trip_s=0.02, bytes_per_s=20 * MB) as hub:
            runs += [
                killed(peer, hub, size, "one file" if count == 1 else "eight files", at)
                for at in range(asked.rounds)
                for peer in peers
            ]
    names = [peer.name for peer in peers]
    cases = ("one file", "eight files")
    return Figures(
        scenario="interrupted",
        setting=f"{size / MB:.0f} MB from a server that gives each connection 20 MB/s, 20 ms away; all processes are killed when the Hub has sent half, "
        f"and the same command is run again, which is what is measured; medians of {asked.rounds} rounds.",
        about=about("hf_xet"),
        columns=table.COLUMNS,
        rows=table.rows(runs, BESIDE),
        notes=[
            ("Bytes are those of the second run; half of all is the least. The time follows from them, and from how many connections "
            "each opens."),
            OVER_HTTP,
            NO_OLAH,
            *explained(peers),
        ],
        runs=as_rows(runs),
        plots=[
            Plot(
                name="interrupted-bytes", title="Bytes after a kill at half, of all", x="", y="%", kind="bars", labels=names,
                series=[
                    Series(
                        name=case, x=(),
                        y=[
                            100 * of(runs, case, name, "sent_bytes") / size
                            for name in names
                        ],
                    )
                    for case in cases
                ],
            )
        ],
    )  # fmt: skip


def killed(peer: Peer, hub: LocalHub, size: int, case: str, at: int) -> Run:
    """Two runs in one folder; the second is what is measured."""
    with tempfile.TemporaryDirectory() as name, peer.around(hub) as url:
        job = Job(folder=Path(name), url=url, ids=("bench/large",), loads=False)
        for command in peer.beforehand(job):
            run_all([command], cwd=job.folder, environ=peer.environ(job))
        hub.log.clear()
        command = peer.commands(job)[-1]
        process = subprocess.Popen(
            command, cwd=job.folder, env=peer.environ(job), start_new_session=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while sum(request.sent_bytes for request in hub.log.all()) < size / 2 and process.poll() is None:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(0.5)
        hub.log.clear()
        cost = run_all(peer.commands(job), cwd=job.folder, environ=peer.environ(job))
        return seen(hub, cost, case=case, peer=peer.name, at=at)
