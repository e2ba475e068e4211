"""The same bytes in 1, 4 and 16 shards."""

from __future__ import annotations

from pathlib import Path

from bench import nginx, table
from bench.figures import Figures, Plot, Series
from bench.measure import MB, Run, about, as_rows, of, turns, without_bytes
from bench.peers import BESIDE, NO_OLAH, OVER_HTTP, chosen, each_for_itself, explained, over_http
from bench.repositories import random_file
from bench.scenarios import Asked
from prewarm.localhub import LocalHub, Repository

SHARDS = (1, 4, 16)
SHARED = 4
"""Of these, on a line that all connections share."""


def run(asked: Asked) -> Figures:
    """320 MB on a limited line, 1.6 GB on a fast one."""
    peers = each_for_itself(chosen(asked.peers, models=False))
    on_nginx = over_http(peers)
    limited, fast = (4 * MB, 16 * MB) if asked.quick else (320 * MB, 1600 * MB)
    runs: list[Run] = []
    for count in SHARDS:
        files = shards(asked.folder / "limited", limited, count)
        repository = Repository(repo_id="bench/sharded")
        repository.commit(dict(files))
        with LocalHub([repository], round_trip_s=0.02, bytes_per_s=20 * MB) as hub:
            runs += turns(peers, hub, ["bench/sharded"], case=f"20 MB/s per connection, {count}", rounds=asked.rounds)
        if count == SHARED:
            with LocalHub([repository], round_trip_s=0.02, uplink_bytes_per_s=20 * MB) as hub:
                runs += turns(peers, hub, ["bench/sharded"], case=f"20 MB/s in all, {count}", rounds=asked.rounds)
        remove(files)
    is_fast = nginx.is_there()
    for count in SHARDS if is_fast else ():
        files = shards(asked.folder / "fast", fast, count)
        with LocalHub() as hub, nginx.nginx(asked.folder) as addresses:
            nginx.serve(hub, "bench/sharded", files, asked.folder)
            hub.routes.cdn_url = addresses["plain"]
            found = turns(on_nginx, hub, ["bench/sharded"], case=f"fast line, {count}", rounds=asked.rounds)
            runs += without_bytes(found)
        remove(files)
    lines = {"limited": "20 MB/s per connection", "fast": "fast line"}
    return Figures(
        scenario="shards",
        setting=f"{limited / MB:,.0f} MB from a server that gives each connection 20 MB/s, and over a line of 20 MB/s that all "
        f"connections share, 20 ms away; and {fast / MB:,.0f} MB from nginx on "
        f"loopback, in 1, 4 and 16 files; medians of {asked.rounds} rounds.",
        about=about("hf_xet"),
        columns=table.COLUMNS,
        rows=table.rows(runs, BESIDE),
        notes=[
            *([] if is_fast else ["nginx was not there: the fast line was left out."]),
            ("Bytes that nginx sends are not counted. prewarm, model-mirror and hubdl compare what arrives with the Hub's hashes; "
            "hf-ark keeps hashes of what it has; hf and snapshot_download compare sizes. hubdl opens up to 20 connections, prewarm 8 "
            "(`workers`), hf and snapshot_download one a file and 8 in all: who opens more is faster where each is limited, and not "
            "where they share a line."),
            OVER_HTTP,
            NO_OLAH,
            *explained(peers),
        ],
        runs=as_rows(runs),
        plots=[
            Plot(
                name=f"shards-{name}", title=f"{title}: seconds", x="shards", y="seconds", kind="bars",
                labels=[str(count) for count in SHARDS],
                series=[
                    Series(
                        name=peer.name, x=(),
                        y=[
                            of(runs, f"{title}, {count}", peer.name, "wall_s")
                            for count in SHARDS
                        ],
                    )
                    for peer in (on_nginx if name == "fast" else peers)
                ],
            )
            for name, title in lines.items() if name == "limited" or is_fast
        ],
    )  # fmt: skip


def shards(folder: Path, size: int, count: int) -> dict[str, Path]:
    """Files of equal size."""
    return {
        f"model-{number + 1:05}-of-{count:05}.safetensors": random_file(folder / f"{count}-{number}", size // count)
        for number in range(count)
    }


def remove(files: dict[str, Path]) -> None:
    """Gives the room back."""
    for path in files.values():
        path.unlink()
