"""Plots as SVG, one file for light pages and one for dark ones. matplotlib draws them."""

from __future__ import annotations

import hashlib
import io
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.figures import Plot

_MARKS = "os^Dv*Pp"
THEMES = {
    "light": (
        "#1c1e21",
        "#dcdfe3",
        ("#2a6fb1", "#c2571a", "#3c8d40", "#8a4fae", "#b8352f", "#6b6b1f", "#1f7f86", "#a0407f"),
    ),
    "dark": (
        "#e6e8ea",
        "#3a3f45",
        ("#7db8ee", "#f2a06b", "#8fd494", "#cfa3ea", "#f28d87", "#cfcf7a", "#79d3da", "#eb9bcb"),
    ),
}


def save(plot: Plot, folder: Path) -> list[Path]:
    """Write ``NAME-light.svg`` and ``NAME-dark.svg``."""
    found = []
    for theme in THEMES:
        path = folder / f"{plot.name}-{theme}.svg"
        path.write_text(draw(plot, theme), encoding="utf-8")
        found.append(path)
    return found


def mark(plot: Plot) -> str:
    """What a file says of the figures it was drawn from."""
    return hashlib.sha256(json.dumps(asdict(plot), sort_keys=True).encode()).hexdigest()[:16]


def mark_of(path: Path) -> str:
    """The same, of a file."""
    found = re.search(r'data-figures="(\w+)"', path.read_text(encoding="utf-8"))
    return found[1] if found else ""


def draw(plot: Plot, theme: str) -> str:
    """As text."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    ink, faint, colours = THEMES[theme]
    look: dict[str, Any] = {
        "svg.fonttype": "none", "svg.hashsalt": plot.name, "font.family": "sans-serif", "font.size": 10, "text.color": ink,
        "axes.edgecolor": ink, "axes.labelcolor": ink, "axes.titlesize": 11, "axes.spines.top": False,
        "axes.spines.right": False, "xtick.color": ink, "ytick.color": ink, "grid.color": faint,
    }  # fmt: skip
    with mpl.rc_context(look):
        figure, axes = plt.subplots(figsize=(7.2, 3.6), layout="constrained")
        if plot.kind == "bars":
            _bars(axes, plot, colours, ink)
        else:
            for at, series in enumerate(plot.series):
                axes.plot(
                    series.x, series.y, label=series.name, marker=_MARKS[at % len(_MARKS)], markersize=5,
                    color=colours[at % len(colours)],
                )  # fmt: skip
            if plot.logarithmic:
                axes.set_xscale("log")
                axes.set_yscale("symlog" if any(value <= 0 for one in plot.series for value in one.y) else "log")
            else:
                axes.set_xlim(left=0)
                axes.set_ylim(bottom=0)
            axes.set_ylabel(plot.y)
            axes.set_xlabel(plot.x)
            axes.grid(visible=True)
        axes.set_axisbelow(True)
        axes.set_title(plot.title, loc="left")
        if len(plot.series) > 1:
            # Beside the bars, and not over them.
            figure.legend(frameon=False, fontsize=9, loc="outside lower center", ncols=min(4, len(plot.series)))
        target = io.StringIO()
        figure.savefig(target, format="svg", transparent=True, metadata={"Date": None, "Creator": "prewarm"})
        plt.close(figure)
    text = target.getvalue()
    head = f'<svg role="img" aria-label="{plot.title}" data-figures="{mark(plot)}"'
    return text[text.index("<svg") :].replace("<svg", head, 1)


def _bars(axes: Any, plot: Plot, colours: tuple[str, ...], ink: str) -> None:
    """Horizontal, as the names of peers are long; each with its figure."""
    height = 0.8 / len(plot.series)
    most = max((value for one in plot.series for value in one.y), default=1) or 1
    for at, series in enumerate(plot.series):
        places = [number + at * height for number in range(len(plot.labels))]
        axes.barh(places, series.y, height=height * 0.92, label=series.name, color=colours[at % len(colours)])
        for place, value in zip(places, series.y, strict=True):
            axes.text(
                value + most * 0.01,
                place,
                f"{value:,.3g}" if value < 1000 else f"{value:,.0f}",
                va="center",
                color=ink,
                fontsize=8,
            )
    axes.set_yticks([number + 0.4 - height / 2 for number in range(len(plot.labels))], plot.labels)
    axes.invert_yaxis()
    axes.set_xlabel(plot.y)
    if plot.x:
        axes.set_ylabel(plot.x)
    axes.set_xlim(0, most * 1.12)
    axes.grid(visible=True, axis="x")
