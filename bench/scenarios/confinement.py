"""What confinement costs: runs that load five ordinary models, confined and not."""

from __future__ import annotations

import os
import subprocess
import sys

from bench.figures import Figures
from bench.measure import about
from bench.scenarios import Asked
from bench.turns import compared, rows
from prewarm.demo import models
from prewarm.localhub import LocalHub
from prewarm.localhub.repository import from_folder

KINDS = {
    "bench/text": models.text,
    "bench/chat": models.chat,
    "bench/summaries": models.summaries,
    "bench/speech": models.speech,
    "bench/further": models.text,
}


def run(asked: Asked) -> Figures:
    """``--prove``, with everything in the cache."""
    models.make(asked.folder / "repositories", KINDS)
    (asked.folder / "prewarm.toml").write_text(f"simple = {list(KINDS)}\n".replace("'", '"'))
    rounds = 1 if asked.quick else 2 * asked.rounds + 1
    with LocalHub(from_folder(asked.folder / "repositories")) as hub:
        environ = {**os.environ, "HF_HOME": str(asked.folder / "home"), "HF_ENDPOINT": hub.url}
        environ.pop("HF_HUB_CACHE", None)
        prewarm = [sys.executable, "-m", "prewarm", "-q"]
        subprocess.run(prewarm, cwd=asked.folder, env=environ, check=True, stdout=subprocess.DEVNULL)
        commands = {
            f"confinement = {mode}": [*prewarm, "--prove", "--confinement", mode] for mode in ("none", "strongest")
        }
        runs = compared(commands, asked.folder, environ, rounds)
    return Figures(
        scenario="confinement",
        setting=f"`prewarm --prove` of five tiny models of ordinary kinds, everything in the cache; medians of {rounds} rounds.",
        about=about("transformers", "torch"),
        columns=["what", "ratio", "wall", "CPU", "peak"],
        rows=rows(runs),
        notes=['The ratio is to `confinement = "none"`.'],
        runs=runs,
    )
