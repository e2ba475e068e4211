"""What a scenario found: a table, plots, and every single run; kept as JSON, so that documents are drawn from it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line of a plot, or the bars of one colour."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Plot:
    """One picture.

    With ``bars``, ``labels`` names the groups of bars, and a series has a height for each of them.
    """

    name: str
    title: str
    x: str
    y: str
    series: Sequence[Series]
    kind: Literal["lines", "bars"] = "lines"
    labels: Sequence[str] = ()
    logarithmic: bool = False


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one scenario found."""

    scenario: str
    setting: str
    """What was done, with the line, the quota and the rounds: a sentence or two."""
    about: str
    """The machine and the versions."""
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    """As they are shown, ratios first."""
    notes: Sequence[str] = ()
    """What has to be known to read the table: what a peer cannot do, what it is told."""
    runs: Sequence[Mapping[str, Any]] = ()
    """Every single run, as it was measured."""
    plots: Sequence[Plot] = field(default_factory=tuple)

    def save(self, folder: Path) -> Path:
        """Write ``NAME.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.scenario}.json"
        text = json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")
        return path

    @classmethod
    def load(cls, path: Path) -> Figures:
        """As ``save`` has written it."""
        said = json.loads(path.read_text(encoding="utf-8"))
        plots = tuple(
            Plot(**{**plot, "series": tuple(Series(**one) for one in plot["series"])}) for plot in said.pop("plots")
        )
        return cls(**said, plots=plots)
