"""Runs of several peers as a table: medians, and ratios of the runs of the same round, these first."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from bench.measure import Run, median
from prewarm.records.units import size

COLUMNS = (
    "what", "by", "ratio", "wall", "CPU", "peak", "requests: api", "resolvers", "refused", "bytes", "how it ended",
)  # fmt: skip


def rows(runs: Sequence[Run], beside: Mapping[str, str]) -> list[list[str]]:
    """A row for each case and peer, in the order of the runs.

    Args:
        runs: of all rounds.
        beside: for each peer the one that its time is compared with.
    """
    found = []
    for case, peer in dict.fromkeys((run.case, run.peer) for run in runs):
        own = [run for run in runs if (run.case, run.peer) == (case, peer)]
        base = [run for run in runs if (run.case, run.peer) == (case, beside.get(peer, "prewarm"))]
        found.append([case, peer, ratio(own, base), *figures(own)])
    return found


def ratio(own: Sequence[Run], base: Sequence[Run]) -> str:
    """How many times as long it took as what it is compared with: median, and the range over the rounds."""
    pairs = [a.wall_s / b.wall_s for a, b in zip(own, base, strict=False) if a.ended == b.ended == "done" and b.wall_s]
    if not pairs or own is base or own == base:
        return "" if not pairs else "1"
    said = f"{statistics.median(pairs):.2f}"
    return said if len(pairs) == 1 else f"{said} ({min(pairs):.2f} to {max(pairs):.2f})"


def figures(own: Sequence[Run]) -> list[str]:
    """Wall time to how it ended."""
    ends = dict.fromkeys(run.ended if run.note == "" else run.note for run in own)
    sent = [run.sent_bytes for run in own if run.sent_bytes is not None]
    return [
        seconds(median(own, "wall_s")),
        seconds(median(own, "cpu_s")),
        f"{median(own, 'peak_mb'):,.0f} MB",
        f"{median(own, 'api'):,.0f}",
        f"{median(own, 'resolvers'):,.0f}",
        f"{median(own, 'refused'):,.0f}",
        size(statistics.median(sent)) if sent else "",
        "; ".join(ends),
    ]


def seconds(value: float) -> str:
    """With as many digits as mean something."""
    return f"{value:.2f} s" if value < 10 else f"{value:,.1f} s" if value < 100 else f"{value:,.0f} s"
