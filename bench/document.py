"""Puts what was found into the documents: between ``<!-- figures: NAME -->`` and ``<!-- end -->`` stands a table."""

from __future__ import annotations

import statistics
from pathlib import Path

from tools import places

from bench import plots
from bench.figures import Figures
from bench.table import seconds
from prewarm.records.units import size

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "docs" / "figures"
PAGES = (ROOT / "docs" / "benchmarks.md", ROOT / "README.md")


def update(figures: Path = FIGURES, pages: tuple[Path, ...] = PAGES) -> None:
    """Write the tables and the plots anew, from the JSON files."""
    for path in sorted(figures.glob("*.json")):
        for plot in Figures.load(path).plots:
            plots.save(plot, figures)
    for page in pages:
        page.write_text(filled(page.read_text(encoding="utf-8"), figures), encoding="utf-8")


def filled(text: str, figures: Path = FIGURES) -> str:
    """A page with the tables of what the folder has."""

    def made(name: str) -> str:
        if name == "beside":
            return beside(figures)
        path = figures / f"{name}.json"
        return shown(Figures.load(path)) if path.exists() else "Not measured yet.\n"

    return places.filled(text, {"figures": made})


def shown(found: Figures) -> str:
    """One scenario: setting, plots, table, notes."""
    pictures = "".join(picture(plot.name, plot.title) for plot in found.plots)
    notes = "".join(f"- {note}\n" for note in found.notes)
    parts = (f"{found.setting[0].upper()}{found.setting[1:]}\n", pictures, table(found), notes, f"{found.about}.\n")
    return "\n" + "\n".join(part for part in parts if part) + "\n"


def picture(name: str, title: str, folder: str = "figures") -> str:
    """For pages in light and in dark: of the site, and of a code host that knows these fragments as well."""
    return "".join(f"![{title}]({folder}/{name}-{theme}.svg#gh-{theme}-mode-only)\n" for theme in ("light", "dark"))


def table(found: Figures) -> str:
    """As Markdown; columns in which nothing stands are left out."""
    kept = [at for at in range(len(found.columns)) if any(row[at] for row in found.rows)]
    lines = [[found.columns[at] for at in kept], [align(found.columns[at], number) for number, at in enumerate(kept)]]
    lines += [[row[at] for at in kept] for row in found.rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def align(name: str, number: int) -> str:
    """Figures to the right, words to the left."""
    return "---" if number == 0 or name in ("by", "how it ended") else "---:"


def beside(figures: Path) -> str:
    """The table of the README: what prewarm and the usual ways cost, from four scenarios."""
    files, loaded, theirs = "prewarm, files", "prewarm", ("from_pretrained", "hf", "snapshot_download")
    downloads = (files, "", "hf", "snapshot_download")
    wanted = (
        ("cold", "20 ms", "metered requests of 10 small models", "metered", (files, *theirs)),
        ("cold", "20 ms", "their time, 20 ms away, each loaded once", "wall_s", (loaded, "from_pretrained", "", "")),
        ("cold", "20 ms", "the same, and nothing loaded", "wall_s", downloads),
        (
            "formats",
            "every format",
            "bytes of a model with the weights of every framework",
            "sent_bytes",
            (files, *theirs),
        ),
        ("quota", "four processes", "refused with 429, four processes on one address", "refused", downloads),
        ("interrupted", "one file", "bytes after a kill at half of 304 MB, over HTTP", "sent_bytes", downloads),
        ("damage", "a flipped byte", "one flipped byte, over HTTP", "note", downloads),
    )
    named = ["", "prewarm", "a loop over from_pretrained", "hf download", "a loop over snapshot_download"]
    lines = [named, ["---", *["---:"] * 4]]
    for scenario, case, said, what, peers in wanted:
        if (figures / f"{scenario}.json").exists():
            found = Figures.load(figures / f"{scenario}.json")
            ratios = ["", *(_times(found, case, peer, peers[0]) if what == "wall_s" else "" for peer in peers[1:])]
            told = [_figure(found, case, peer, what) for peer in peers]
            lines.append([said, *(f"{figure}{more}" for figure, more in zip(told, ratios, strict=True))])
    return "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


def _times(found: Figures, case: str, peer: str, base: str) -> str:
    """How many times as long it took, in the same rounds."""

    def times(name: str) -> list[float]:
        return [float(run["wall_s"]) for run in found.runs if (run["case"], run["peer"]) == (case, name)]

    ratios = [own / ours for own, ours in zip(times(peer), times(base), strict=False)]
    return f" ({statistics.median(ratios):.1f} times)" if ratios else ""


def _figure(found: Figures, case: str, peer: str, what: str) -> str:
    runs = [run for run in found.runs if run["case"] == case and run["peer"] == peer]
    if not runs:
        return ""
    if what == "note":
        said = str(runs[-1]["note"]).split(":")[0]
        return {"right": "noticed, and fetched again"}.get(said, said)
    values = [run["api"] + run["resolvers"] if what == "metered" else run[what] for run in runs]
    value = float(statistics.median(values))
    return {"wall_s": seconds, "sent_bytes": size}.get(what, "{:,.0f}".format)(value)
