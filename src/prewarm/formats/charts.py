"""Charts as SVG, for light pages and dark ones. Changes with how they look.

matplotlib writes colours into the file; those that are named here become variables of CSS, which the page, or the
file's own style where it stands alone, sets for either.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from prewarm.records.errors import LoadError

_INK, _FAINT = "#0a0b0c", "#d0d1d2"
_LINES = ("#2a6fb1", "#c2571a", "#3c8d40", "#8a4fae", "#b8352f", "#6b6b1f", "#1f7f86", "#a0407f")
_DARK = ("#7db8ee", "#f2a06b", "#8fd494", "#cfa3ea", "#f28d87", "#cfcf7a", "#79d3da", "#eb9bcb")
_NAMES = {_INK: "--ink", _FAINT: "--faint", **{colour: f"--line{at}" for at, colour in enumerate(_LINES)}}
STYLE = (
    ":root{--ink:#1c1e21;--faint:#dcdfe3;--paper:#ffffff;"
    + "".join(f"--line{at}:{colour};" for at, colour in enumerate(_LINES))
    + "}@media (prefers-color-scheme: dark){:root{--ink:#e6e8ea;--faint:#3a3f45;--paper:#15181b;"
    + "".join(f"--line{at}:{colour};" for at, colour in enumerate(_DARK))
    + "}}"
)
"""The variables, for a page."""
_MARKS = "os^Dv*Pp"


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One line of a chart."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    is_dashed: bool = False


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One picture."""

    title: str
    x: str
    y: str
    curves: Sequence[Curve] = field(default_factory=tuple)
    ticks: Sequence[float] = ()
    """Of the x axis; none: matplotlib's."""
    is_named: bool = False
    """Whether a curve that is alone is named as well."""


def look_for_packages() -> None:
    """Raise LoadError where matplotlib is missing."""
    if importlib.util.find_spec("matplotlib") is None:
        raise LoadError("a package is missing: matplotlib, which draws", hint='pip install "hf-prewarm[load]"')


def draw(charts: Mapping[str, Chart]) -> dict[str, str]:
    """The SVG of each chart, which takes its colours from CSS variables."""
    import matplotlib as mpl  # noqa: PLC0415 (an extra, and takes a second)

    mpl.use("svg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    look = {
        "svg.fonttype": "none",
        "svg.hashsalt": "prewarm",
        "font.family": "sans-serif",
        "font.size": 10,
        "text.color": _INK,
        "axes.edgecolor": _INK,
        "axes.labelcolor": _INK,
        "axes.titlesize": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": _INK,
        "ytick.color": _INK,
        "grid.color": _FAINT,
    }
    found = {}
    with mpl.rc_context(look):
        for name, chart in charts.items():
            figure, axes = plt.subplots(figsize=(6.2, 3.4), layout="constrained")
            for at, curve in enumerate(chart.curves):
                axes.plot(
                    curve.x,
                    curve.y,
                    label=curve.name,
                    marker=_MARKS[at % len(_MARKS)],
                    markersize=5,
                    linestyle="--" if curve.is_dashed else "-",
                    color=_LINES[at % len(_LINES)],
                )
            axes.set_title(chart.title, loc="left")
            axes.set_xlabel(chart.x)
            axes.set_ylabel(chart.y)
            top = max((value for curve in chart.curves for value in curve.y), default=0.0)
            axes.set_ylim(0, 1.08 * top or 1)
            axes.set_xlim(left=0)
            if chart.ticks and len(chart.ticks) <= 12:
                axes.set_xticks(list(chart.ticks), [f"{tick:g}" for tick in chart.ticks])
            axes.grid(visible=True)
            if len(chart.curves) > 1 or chart.is_named:
                axes.legend(frameon=False, fontsize=9)
            target = io.StringIO()
            figure.savefig(target, format="svg", transparent=True, metadata={"Date": None, "Creator": "prewarm"})
            plt.close(figure)
            found[name] = _with_variables(target.getvalue(), name, chart.title)
    return found


def standing_alone(svg: str) -> str:
    """A chart as a file of its own: with its colours, and a background."""
    head, _, rest = svg.partition(">")
    paper = '<rect width="100%" height="100%" style="fill:var(--paper)"/>'
    return f'<?xml version="1.0" encoding="utf-8"?>\n{head}><style>{STYLE}</style>{paper}{rest}'


def _with_variables(svg: str, name: str, title: str) -> str:
    found = svg[svg.index("<svg") :]
    for colour, variable in _NAMES.items():
        found = found.replace(colour, f"var({variable})")
    # Several charts stand in one page, where an id is one thing.
    for word in ('id="', 'href="#', "url(#"):
        found = found.replace(word, f"{word}{name}-")
    return found.replace("<svg", f'<svg role="img" aria-label="{title}"', 1)
