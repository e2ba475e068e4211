"""Plain commands in turns, where no Hub is asked."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.measure import run
from bench.table import seconds


def compared(
    commands: Mapping[str, Sequence[str]], folder: Path, environ: dict[str, str], rounds: int
) -> list[dict[str, Any]]:
    """Every run of every command."""
    found = []
    for at in range(rounds):
        for name, command in commands.items():
            cost = run(command, cwd=folder, environ=environ)
            assert not any(cost.codes), cost.words
            found.append(
                {
                    "by": name, "round": at, "wall_s": round(cost.wall_s, 4), "cpu_s": round(cost.cpu_s, 4),
                    "peak_mb": round(cost.peak_mb, 1),
                }
            )  # fmt: skip
    return found


def rows(runs: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Medians; ratios to the first command, of the same round."""
    names = list(dict.fromkeys(one["by"] for one in runs))
    base = [one["wall_s"] for one in runs if one["by"] == names[0]]
    found = []
    for name in names:
        own = [one for one in runs if one["by"] == name]
        ratios = [one["wall_s"] / first for one, first in zip(own, base, strict=True)]
        said = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})" if name != names[0] else "1"
        wall, cpu, peak = (statistics.median(one[what] for one in own) for what in ("wall_s", "cpu_s", "peak_mb"))
        shown = f"{wall * 1000:.0f} ms" if wall < 1 else seconds(wall)
        found.append([name, said, shown, f"{cpu * 1000:.0f} ms" if cpu < 1 else seconds(cpu), f"{peak:,.0f} MB"])
    return found
