"""Environments for peers that want versions of their own, made once, in ``.bench/``."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / ".bench"


@cache
def interpreter(name: str) -> Path:
    """The Python that ``NAME.txt`` is installed for."""
    wanted = HERE / f"{name}.txt"
    place = FOLDER / name
    done = place / "installed.txt"
    python = place / "bin" / "python"
    if not done.exists() or done.read_text() != wanted.read_text():
        print(f"  installing {name} ({wanted.read_text().splitlines()[0]})", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        pins = ["-c", str(HERE.parents[1] / "constraints.txt")]
        command = [str(python), "-m", "pip", "install", "-q", *pins, "-r", str(wanted)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        done.write_text(wanted.read_text())
    return python
