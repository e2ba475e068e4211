"""How cost grows with the number of entries, of files, and with the size of a file."""

from __future__ import annotations

from bench import nginx, table
from bench.figures import Figures, Plot, Series
from bench.measure import MB, Run, about, as_rows, of, turns, without_bytes
from bench.peers import BESIDE, chosen, explained
from bench.repositories import bytes_of, models, random_file, small_files
from bench.scenarios import Asked
from prewarm.localhub import LocalHub

ENTRIES, FILES, MEGABYTES = (1, 10, 100, 1000), (1, 10, 100, 1000, 10_000), (1, 10, 100, 1000, 8000)
MOST = {"hf": (100, 10_000, 8000)}
"""What takes minutes, and grows as below, is left out: entries, files, MB."""


def run(asked: Asked) -> Figures:
    """prewarm without a proof, hf download and snapshot_download."""
    names = asked.peers or ("hf", "snapshot_download")
    peers = [peer for peer in chosen(names, models=False) if peer.name in ("prewarm, files", "hf", "snapshot_download")]
    entries, files, sizes = ((1, 3), (1, 20), (1, 4)) if asked.quick else (ENTRIES, FILES, MEGABYTES)
    rounds = 1 if asked.quick else asked.rounds
    runs: list[Run] = []
    repositories = models(asked.folder, max(entries))
    with LocalHub(repositories) as hub:
        for count in entries:
            ids = [one.repo_id for one in repositories[:count]]
            able = [peer for peer in peers if count <= MOST.get(peer.name, (count,))[0]]
            runs += turns(able, hub, ids, case=named(count, "entries"), rounds=rounds if count < 1000 else 1)
    for count in files:
        with LocalHub([small_files("bench/many", count)]) as hub:
            runs += turns(
                peers, hub, ["bench/many"], case=named(count, "files"), rounds=rounds if count < 10_000 else 1
            )
    is_fast = nginx.is_there()
    for size in sizes if is_fast else ():
        large = random_file(asked.folder / "large", size * MB)
        with LocalHub() as hub, nginx.nginx(asked.folder) as addresses:
            nginx.serve(hub, "bench/large", {"model.safetensors": large}, asked.folder)
            hub.routes.cdn_url = addresses["plain"]
            found = turns(peers, hub, ["bench/large"], case=f"{size:,} MB", rounds=rounds if size < 8000 else 1)
            runs += without_bytes(found)
        large.unlink()
    lines = (
        ("entries", entries, "entries of 6 files"),
        ("files", files, "files of one repository"),
        ("MB", sizes, "MB of one file"),
    )
    return Figures(
        scenario="growth",
        setting=f"an empty cache, no round trip and no limit; entries of six files of {bytes_of(repositories[0]) / 1e6:.1f} MB in all, files of 20 bytes in one "
        f"repository, and one file from nginx; medians of {rounds} rounds, the largest of each once.",
        about=about(),
        columns=table.COLUMNS,
        rows=table.rows(runs, BESIDE),
        notes=[
            *([] if is_fast else ["nginx was not there: sizes were left out."]),
            ("`hf download` was not run for 1,000 entries: it is a process each. Bytes that nginx sends are not counted. Other peers "
            "start a process for each repository as well, and grow as it does."), *explained(peers),
        ],
        runs=as_rows(runs),
        plots=[
            Plot(
                name=f"growth-{unit}-{what}", title=f"{title} over {label}", x=label, y=y, logarithmic=True,
                series=[
                    Series(
                        name=peer.name,
                        x=[count for count in counts if has(runs, named(count, unit), peer.name)],
                        y=[
                            of(runs, named(count, unit), peer.name, figure)
                            for count in counts
                            if has(runs, named(count, unit), peer.name)
                        ],
                    )
                    for peer in peers
                ],
            )
            for unit, counts, label in lines if unit != "MB" or is_fast
            for what, title, y, figure in (("time", "Wall time", "seconds", "wall_s"), ("memory", "Peak memory", "MB", "peak_mb"))
        ],
    )  # fmt: skip


def named(count: int, unit: str) -> str:
    """As the table has it."""
    one = {"entries": "entry", "files": "file"}.get(unit, unit)
    return f"{count:,} {unit if count != 1 else one}"


def has(runs: list[Run], case: str, peer: str) -> bool:
    """Whether it was run."""
    return any((one.case, one.peer) == (case, peer) for one in runs)
