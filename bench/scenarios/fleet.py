"""A fleet beside ``hf download`` on each node, behind one uplink; and what that means for 64 and 1,000 nodes.

Every node is a raylet of its own with a cache of its own. The model on paper has four figures, each measured here: the
uplink, what one node sends to the next, how long a fleet takes to start, and what its orders cost.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.figures import Figures
from bench.measure import about
from bench.scenarios import Asked

if TYPE_CHECKING:
    from scene import Scene

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests" / "fleet"), str(ROOT / "src")]
ALONE = ["unshare", "--map-root-user", "--net", "--mount", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
MB = 1 << 20
ALL = '[[advanced]]\nid = "org/files"\ninclude = ["*"]\nmodel_class = false\nprocessor_class = false\n'
UPLINK = 40e6


def measure(rounds: int, size: int) -> dict[str, Any]:
    from scene import content, scene

    files = {f"model-{number}.safetensors": content(size // 4, number) for number in range(4)}
    files |= {f"{number}.json": b"{}" + b" " * number for number in range(6)}
    rows: dict[int, list[tuple[float, float, int, int]]] = {1: [], 2: [], 4: []}
    with scene(Path(tempfile.mkdtemp(prefix="bench-fleet-")), uplink_bytes_per_s=UPLINK) as made:
        made.serve("org/files", files)
        made.manifest(ALL)
        made.head()
        for number in range(4):
            made.node(f"n{number}")
        made.lock()
        start = []
        for _ in range(rounds):
            for count, measured in rows.items():
                made.forget()
                theirs, their_requests = hf_download(made, count)
                made.forget()
                made.hub.log.clear()
                words = [word for number in range(count) for word in ("--nodes", f"name=n{number}")]
                began = time.monotonic()
                done = made.run("--json", *words)
                ours = time.monotonic() - began
                assert done.code == 0, done.err
                measured.append((theirs, ours, their_requests, len(made.hub.log.metered())))
            began = time.monotonic()
            assert made.run("--nodes", "name=n0", "--nodes", "name=n1").code == 0
            start.append(time.monotonic() - began)
        # Between two nodes alone: one has it, the Hub is not asked.
        between = []
        for _ in range(rounds):
            made.forget("n1")
            began = time.monotonic()
            assert made.run("--nodes", "name=n0", "--nodes", "name=n1").code == 0
            between.append(time.monotonic() - began)
    started = statistics.median(start)
    return {
        "bytes": size,
        "rows": rows,
        "start_s": started,
        "between_bytes_per_s": size / max(0.1, statistics.median(between) - started),
    }


def hf_download(made: Scene, count: int) -> tuple[float, int]:
    """``hf download`` on each node, all at the same time, as a DaemonSet does it."""
    made.hub.log.clear()
    hf = str(Path(sys.executable).with_name("hf"))
    began = time.monotonic()
    running = [
        subprocess.Popen(
            [hf, "download", "org/files", "--quiet"],
            env={
                **os.environ,
                "HF_HOME": str(made.homes[f"n{number}"]),
                "HF_ENDPOINT": made.hub.url,
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number in range(count)
    ]
    assert [process.wait() for process in running] == [0] * count
    return time.monotonic() - began, len(made.hub.log.metered())


def orders(nodes: int, blobs: int) -> tuple[float, int]:
    """What the orders for so many nodes cost the process that gives them: seconds, and how many there are."""
    from collections import deque

    from prewarm.fleet.spread import Spread, Take
    from prewarm.records.fleet import Brought, Lacking, Took
    from prewarm.records.plan import Fetched

    spread = Spread()
    sizes = {f"k{number}": 750 * MB for number in range(blobs)}
    for number in range(nodes):
        spread.join(f"n{number}", Lacking(has=frozenset(), lacks=sizes))
    began, count = time.process_time(), 0
    under_way: deque[Take | tuple[str, str]] = deque()
    while True:
        under_way.extend(spread.takes())
        for node in spread.fetchers(1):
            while keys := spread.next_fetch(node):
                under_way.extend((node, key) for key in keys)
        if not under_way:
            break
        count += 1
        done = under_way.popleft()
        if isinstance(done, Take):
            spread.took(done, Took(done=done.keys, bytes=0))
        else:
            spread.brought(done[0], done[1], Brought(spent=Fetched()))
    assert all(spread.is_done(f"n{number}") for number in range(nodes))
    return time.process_time() - began, count


def on_paper(nodes: int, size: float, uplink: float, between: float, start_s: float) -> float:
    """Seconds until the last node has all: the uplink, and the pieces that are still on their way then."""
    from prewarm.fleet.topology import fan_out, steps
    from prewarm.records.fleet import PIECE_MAX_BYTES

    pieces = max(1, round(size / PIECE_MAX_BYTES))
    children = fan_out(pieces, nodes - 1) if nodes > 1 else 1
    piece_s = PIECE_MAX_BYTES / between
    passing_s = steps(pieces, nodes - 1, children) * piece_s if nodes > 1 else 0.0
    behind_s = (steps(pieces, nodes - 1, children) - children * (pieces - 1)) * piece_s if nodes > 1 else 0.0
    return start_s + max(size / uplink + behind_s, passing_s)


def run(asked: Asked) -> Figures:
    """In a network namespace with loopback alone, as a process of its own."""
    size = 8 if asked.quick else 200
    target = asked.folder / "found.json"
    words = ["-m", "bench.scenarios.fleet", str(asked.rounds), str(size), str(target)]
    subprocess.run([*ALONE, sys.executable, *words], cwd=ROOT, check=True)
    found = json.loads(target.read_text())
    start_s, between = float(found["start_s"]), float(found["between_bytes_per_s"])
    rows = []
    for count, measured in found["rows"].items():
        theirs, ours, theirs_asked, ours_asked = (statistics.median(column) for column in zip(*measured, strict=True))
        ratio = statistics.median(one[0] / one[1] for one in measured)
        paper = on_paper(int(count), found["bytes"], UPLINK, between, start_s)
        row = (
            f"{ratio:.2f}",
            f"{theirs:.1f} s",
            f"{theirs_asked:.0f}",
            f"{ours:.1f} s",
            f"{ours_asked:.0f}",
            f"{paper:.1f} s",
        )
        rows.append([f"{count}, measured", *row])
    for nodes in (1, 64) if asked.quick else (1, 64, 1000):
        cost_s, count = orders(nodes, 20)
        paper = on_paper(nodes, 15e9, 125e6, 1250e6, start_s)
        rows.append(
            [
                f"{nodes:,}, on paper",
                "",
                f"{nodes * 15e9 / 125e6:,.0f} s",
                "",
                f"{paper:.0f} s",
                "",
                f"{count:,} orders: {cost_s:.1f} s",
            ]
        )
    return Figures(
        scenario="fleet",
        setting=f"raylets on one machine, each with a cache of its own, and the loopback Hub behind one line of {UPLINK / 1e6:.0f} MB/s "
        f"that all share; {found['bytes'] / 1e6:.0f} MB in 10 files. `hf download` runs on each node at the same time, as a DaemonSet "
        f"starts it; medians of {asked.rounds} rounds. A fleet that lacks nothing takes {start_s:.1f} s; one node sends "
        f"{between / 1e6:.0f} MB/s to the next, hashes included. On paper: 15 GB in 20 blobs, behind 1 Gbit/s, with 10 Gbit/s between "
        "nodes, from these figures.",
        about=about("ray"),
        columns=["nodes", "ratio", "`hf download` on each", "requests", "`prewarm fleet`", "requests", "on paper"],
        rows=rows,
        notes=[
            (
                "On paper: uplink, pieces and orders. What four raylets on two cores take from each other is not in it, nor how long a "
                "real cluster takes to start a process on each node. An object store has to hold sixteen pieces: smaller ones make the "
                "pieces smaller, down to 1 MB, and more of them."
            )
        ],
        runs=[{"nodes": count, "runs": measured} for count, measured in found["rows"].items()],
    )


if __name__ == "__main__":
    rounds_, megabytes, target_ = sys.argv[1:]
    Path(target_).write_text(json.dumps(measure(int(rounds_), int(megabytes) * MB)))
