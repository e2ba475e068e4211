"""What people, programs and terminals are told of a fleet."""

from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console

from prewarm.formats import fleet, fleet_document
from prewarm.formats.fleet_live import LiveNodes
from prewarm.records.failure import Failure
from prewarm.records.fleet import About, FleetProgress, FleetReport, NodeEntry, NodeReport, NodeStep
from prewarm.records.plan import Fetched

GONE = Failure(kind="unreachable", message="it has left", hint="run it again")
FULL = Failure(kind="no-space", message="the disk is full", hint="make room")
ABOUT = About(
    prewarm="1.0",
    environment={"python": "3.11.9", "torch": "2.13.0"},
    cache="/cache/hub",
    check="prewarm check -m /x/prewarm.toml",
    notes=("it is odd",),
)


def entry(label: str, failure: Failure | None = None, *, required: bool = True) -> NodeEntry:
    return NodeEntry(
        id=label,
        label=label,
        revision="main",
        commit="1" * 40,
        required=required,
        status="failed" if failure else "proven",
        ready=failure is None,
        failure=failure,
    )


def node(number: int, *entries: NodeEntry, failure: Failure | None = None, left: bool = False) -> NodeReport:
    return NodeReport(
        id=str(number) * 56,
        name=f"host\x1b[2J{number}",
        labels={"zone": "a"},
        about=None if failure else ABOUT,
        entries=entries,
        fetched=Fetched(bytes=1_000_000, requests=3) if number == 1 else Fetched(),
        peer_bytes=0 if number == 1 else 1_000_000,
        elapsed_s=2.0,
        failure=failure,
        has_left=left,
        proved=number == 1,
    )


def report(*nodes: NodeReport, watched: bool = False) -> FleetReport:
    return FleetReport(
        manifest=Path("prewarm.toml"), lock=None, address="auto", ray="2.60.0", nodes=nodes, elapsed_s=5.0,
        watched=watched,
    )  # fmt: skip


def plain(text: str, _: str) -> str:
    return text


def test_the_table_and_what_failed() -> None:
    told = report(
        node(1, entry("a"), entry("b")),
        node(2, entry("a"), entry("b", FULL)),
        node(3, entry("a"), entry("b", FULL)),
        node(4, failure=GONE, left=True),
    )
    lines = fleet.lines(told, plain, quiet=False, verbose=False)
    assert not any("\x1b" in line for line in lines)
    assert lines[1].split() == ["11111111", "host\ufffd[2J1", "1.0", "MB", "-", "2.0", "s", "loaded", "here", "ready"]
    assert lines[2].endswith("as another node  1 of 2 ready")
    assert lines[4].endswith("has left")
    assert "1 of 4 nodes ready: 1.0 MB from the Hub in 3 requests, 3.0 MB from node to node, in 5.0 s" in lines
    # Each thing once, with the nodes that it happened on.
    assert sum("the disk is full" in line for line in lines) == 1
    assert "b on 22222222 (host\ufffd[2J2), 33333333 (host\ufffd[2J3): no-space: the disk is full" in lines
    assert "  try: make room" in lines
    assert "44444444 (host\ufffd[2J4): unreachable: it has left" in lines
    assert not told.ok
    assert fleet.lines(told, plain, quiet=True, verbose=False)[0].startswith("b on 22222222")
    assert fleet.lines(report(node(1, entry("a"))), plain, quiet=True, verbose=False) == []
    more = "\n".join(fleet.lines(told, plain, quiet=False, verbose=True))
    for said in (
        "/cache/hub",
        "python 3.11.9, torch 2.13.0",
        "prewarm check -m /x/prewarm.toml",
        "it is odd",
        "zone=a",
    ):
        assert said in more


def test_what_counts() -> None:
    gone = node(4, entry("a"), failure=GONE, left=True)
    assert not report(node(1, entry("a")), gone).ok
    # Who watches sees nodes come and go.
    assert report(node(1, entry("a")), gone, watched=True).ok
    assert not report(gone, watched=True).ok
    assert report(node(1, entry("a"), entry("b", FULL, required=False))).ok


def test_the_document() -> None:
    told = json.loads(fleet_document.render(report(node(1, entry("a", FULL)), node(4, failure=GONE, left=True))))
    assert (told["schema"], told["command"], told["ok"]) == (1, "fleet", False)
    assert told["totals"]["nodes"] == 2
    first, second = told["nodes"]
    assert first["entries"][0]["error"]["kind"] == "no-space"
    assert (second["left"], second["error"]["kind"], second["cache"]) == (True, "unreachable", None)


def progress(came: int, ready: int = 0) -> FleetProgress:
    return FleetProgress(nodes=3, ready=ready, failed=1, wanted_bytes=3_000_000, came_bytes=came, hub_bytes=1_000_000)


def test_lines_for_a_log() -> None:
    now = 0.0
    stream = io.StringIO()
    lines = fleet.NodeLines(stream, clock=lambda: now)
    lines(NodeStep(node="1" * 56, name="h\x1b", said="lacks 3 files"))
    lines(NodeStep(node="1" * 56, name="h", said="it mends itself", is_detail=True))
    lines(progress(1_000_000))
    now = 31.0
    lines(progress(2_000_000))
    lines(progress(2_500_000))
    now = 70.0
    lines(progress(3_000_000, ready=2))
    assert stream.getvalue().splitlines() == [
        "11111111 h\ufffd: lacks 3 files",
        "0 of 3 nodes ready, 1 failed, 2.0 MB of 3.0 MB arrived, 1.0 MB from the Hub so far",
    ]


def test_a_line_for_a_terminal() -> None:
    now = 0.0
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    live = LiveNodes(console, clock=lambda: now)
    assert live._draw(100).plain == "reaching the nodes"
    for came in range(0, 2_000_000, 100_000):
        live(progress(came))
        now += 0.3
    said = live._draw(120).plain
    assert said.startswith("0 of 3 nodes ready, 1 failed  ")
    assert "1.9 MB of 3.0 MB, 1.0 MB from the Hub" in said
    assert "/s" in said
    assert "left" in said
    assert len(live._draw(40).plain) <= 39
