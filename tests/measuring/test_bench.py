"""``python -m bench`` runs, counts what the Hub sees, and writes figures that documents are drawn from. No timing here."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bench import document, plots, table
from bench.figures import Figures, Plot, Series
from bench.measure import Run
from bench.peers import BESIDE, PEERS
from bench.scenarios import SCENARIOS, get

from conftest import TESTS

ROOT = TESTS.parent


def bench(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=280
    )


def runs_of(figures: Figures, peer: str) -> list[dict[str, Any]]:
    return [dict(run) for run in figures.runs if run["peer"] == peer]


@pytest.mark.exhaustive
@pytest.mark.models
def test_a_scenario_beside_one_peer(tmp_path: Path) -> None:
    done = bench("formats", "--peers", "hf", "--quick", "--rounds", "1", "-o", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    found = Figures.load(tmp_path / "formats.json")
    assert {run["peer"] for run in found.runs} == {"prewarm", "prewarm, files", "hf"}
    (ours,), (theirs,) = runs_of(found, "prewarm, files"), runs_of(found, "hf")
    assert (ours["api"], ours["resolvers"], ours["ended"]) == (1, 5, "done")
    assert theirs["resolvers"] == 16, "every file of the repository"
    assert ours["sent_bytes"] * 5 < theirs["sent_bytes"]
    assert ours["peak_mb"] > 20
    assert "every format" in done.stdout
    for theme in plots.THEMES:
        assert plots.mark_of(tmp_path / f"formats-bytes-{theme}.svg") == plots.mark(found.plots[0])


@pytest.mark.exhaustive
def test_damage_is_judged_by_what_is_on_the_disk(tmp_path: Path) -> None:
    done = bench("damage", "--peers", "hf", "--quick", "--rounds", "1", "-o", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    found = Figures.load(tmp_path / "damage.json")
    assert [run["note"] for run in runs_of(found, "prewarm, files")] == ["right", "right"]
    assert runs_of(found, "prewarm, files")[0]["sent_bytes"] > 9_000_000, (
        "5 MB, and once more: the byte was flipped for it"
    )
    assert str(runs_of(found, "hf")[0]["note"]).startswith("wrong, and not noticed")


@pytest.mark.parametrize(
    "words", [["none"], ["cold", "--peers", "nobody"], ["cold", "--quick"], ["cold", "--peers", "hf"]]
)
def test_a_wrong_command_line_changes_no_document(words: list[str]) -> None:
    done = bench(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_every_scenario_is_a_module_and_every_peer_says_what_it_is_told() -> None:
    for name in SCENARIOS:
        assert callable(get(name))
    for name, peer in PEERS.items():
        assert peer.how, name
        assert BESIDE[name] in PEERS


def one(peer: str, round_: int, wall_s: float, ended: str = "done") -> Run:
    return Run(
        case="a", peer=peer, round=round_, wall_s=wall_s, cpu_s=1, peak_mb=50, api=1, resolvers=2, pages=0, free=0, refused=0,
        sent_bytes=1_500_000, ended=ended,
    )  # fmt: skip


def test_ratios_are_those_of_the_same_round() -> None:
    runs = [one("prewarm", 0, 1), one("hf", 0, 4), one("prewarm", 1, 2), one("hf", 1, 6)]
    rows = table.rows(runs, {"hf": "prewarm", "prewarm": "prewarm"})
    assert [row[:4] for row in rows] == [["a", "prewarm", "1", "1.50 s"], ["a", "hf", "3.50 (3.00 to 4.00)", "5.00 s"]]
    assert rows[1][9] == "1.5 MB"


def test_what_failed_has_no_ratio() -> None:
    runs = [one("prewarm", 0, 1), one("hf", 0, 4, "exit code 1")]
    assert table.rows(runs, {"hf": "prewarm"})[1][2] == ""


def test_figures_are_kept_and_drawn(tmp_path: Path) -> None:
    plot = Plot(name="p", title="t", x="", y="s", kind="bars", labels=["a"], series=[Series(name="x", x=(), y=[1.0])])
    found = Figures(
        scenario="cold", setting="as it was", about="a machine", columns=["what", "by"], rows=[["a", "b"]], plots=[plot]
    )
    assert Figures.load(found.save(tmp_path)).plots[0].labels == ["a"]
    page = "# A\n\n<!-- figures: cold -->\nbefore\n<!-- end -->\n"
    filled = document.filled(page, tmp_path)
    assert "| a | b |" in filled
    assert "before" not in filled
    assert document.filled(filled, tmp_path) == filled
    light, dark = plots.save(plot, tmp_path)
    assert light.read_text() != dark.read_text()
    changed = dataclasses.replace(plot, title="another")
    assert plots.mark(changed) != plots.mark_of(light)
