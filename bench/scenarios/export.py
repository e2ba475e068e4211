"""Making an artifact of the real all-MiniLM-L6-v2, and finding that there is nothing to make."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.figures import Figures
from bench.measure import MB, about
from bench.measure import run as run_command
from bench.scenarios import Asked
from bench.table import seconds

ROOT = Path(__file__).parents[2]


def run(asked: Asked) -> Figures:
    """Once each: the first takes long, and varies little."""
    subprocess.run(
        [sys.executable, str(ROOT / "tests" / "served.py"), str(asked.folder)], check=True, capture_output=True
    )
    environ = {**os.environ, "HF_HOME": str(asked.folder / "home"), "HF_HUB_OFFLINE": "1"}
    prewarm = [sys.executable, "-m", "prewarm"]
    commands = {
        "`prewarm export --force`, the entry ready": [*prewarm, "export", "--force", "-q"],
        "a second `prewarm export`": [*prewarm, "export", "-q"],
        "`prewarm check`": [*prewarm, "check", "-q"],
    }
    rows, runs = [], []
    for name, command in commands.items():
        cost = run_command(command, cwd=asked.folder, environ=environ)
        assert not any(cost.codes), cost.words
        rows.append([name, seconds(cost.wall_s), f"{cost.peak_mb:,.0f} MB"])
        runs.append({"by": name, "wall_s": round(cost.wall_s, 3), "peak_mb": round(cost.peak_mb, 1)})
    folder = asked.folder / "models" / "minilm"
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    rows.append(["the folder", f"{size / MB:.1f} MB", ""])
    runs.append({"by": "the folder", "bytes": size})
    return Figures(
        scenario="export",
        setting="all-MiniLM-L6-v2 (22.7 million parameters) as ONNX, compared with the original on inputs that were not traced; once.",
        about=about("transformers", "torch", "onnx", "onnxruntime"),
        columns=["what", "figure", "peak"],
        rows=rows,
        runs=runs,
    )
