"""Hashing, beside openssl and sha256sum."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.figures import Figures
from bench.measure import MB, about
from bench.repositories import random_file
from bench.scenarios import Asked
from bench.turns import compared, rows
from prewarm.localhub import LocalHub, Repository

PREWARM = str(Path(sys.executable).with_name("prewarm"))


def run(asked: Asked) -> Figures:
    """8 files of 100 MB."""
    size = (1 if asked.quick else 100) * MB
    repository = Repository(repo_id="bench/weights")
    files = [random_file(asked.folder / f"{number}.safetensors", size) for number in range(8)]
    repository.commit({path.name: path for path in files})
    (asked.folder / "prewarm.toml").write_text('[[advanced]]\nid = "bench/weights"\ninclude = ["*"]\n')
    environ = {**os.environ, "HF_HOME": str(asked.folder / "home")}
    with LocalHub([repository]) as hub:
        subprocess.run([PREWARM, "-q"], cwd=asked.folder, env=environ | {"HF_ENDPOINT": hub.url}, check=True)
    each = f"ls *.safetensors | xargs -n1 -P{os.cpu_count()}"
    commands = {
        "openssl dgst -sha256, every core": ["sh", "-c", f"{each} openssl dgst -sha256"],
        "openssl dgst -sha256, one core": ["sh", "-c", "openssl dgst -sha256 *.safetensors"],
        "sha256sum, every core": ["sh", "-c", f"{each} sha256sum"],
        "sha256sum, one core": ["sh", "-c", "sha256sum *.safetensors"],
        "prewarm verify": [PREWARM, "verify", "-q"],
    }
    runs = compared(commands, asked.folder, environ | {"HF_ENDPOINT": "http://127.0.0.1:9"}, asked.rounds)
    return Figures(
        scenario="verify",
        setting=f"8 files of {size / MB:.0f} MB, hashed and nothing else; medians of {asked.rounds} rounds.",
        about=about(),
        columns=["what", "ratio", "wall", "CPU", "peak"],
        rows=rows(runs),
        notes=[
            (
                "The ratio is to `openssl` on every core. prewarm hashes with the same library, on every core; coreutils' sha256sum is "
                "built without it on some systems, and slower then."
            )
        ],
        runs=runs,
    )
