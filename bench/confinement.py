"""What confinement costs: runs that load five ordinary models, confined and not, in turn. Prints the ratio of the medians.

python bench/confinement.py [ROUNDS]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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


def main(rounds: int) -> None:
    """Compare."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models.make(folder / "repositories", KINDS)
        (folder / "prewarm.toml").write_text(f"simple = {list(KINDS)}\n".replace("'", '"'))
        with LocalHub(from_folder(folder / "repositories")) as hub:
            environ = {**os.environ, "HF_HOME": str(folder / "home"), "HF_ENDPOINT": hub.url}
            environ.pop("HF_HUB_CACHE", None)
            seconds: dict[str, list[float]] = {"strongest": [], "none": []}
            for at in range(rounds + 1):
                for mode in sorted(seconds, reverse=bool(at % 2)):
                    began = time.perf_counter()
                    command = [sys.executable, "-m", "prewarm", "--prove", "-q", "--confinement", mode]
                    subprocess.run(command, cwd=folder, env=environ, check=True, stdout=subprocess.DEVNULL)
                    # The first of each brings the files.
                    seconds[mode] += [time.perf_counter() - began] if at else []
    for mode, found in seconds.items():
        print(f"{mode}: median {statistics.median(found):.2f} s of {[round(one, 2) for one in found]}")
    print(f"ratio {statistics.median(seconds['strongest']) / statistics.median(seconds['none']):.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
