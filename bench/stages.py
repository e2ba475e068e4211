"""Whether the line ever idles: runs of many entries, between the first request and the last byte as the Hub saw them.

    python bench/stages.py            both
    python bench/stages.py weights    20 entries of 25 MB, 8 connections of 10 MB/s
    python bench/stages.py tiny       20 tiny entries at 20 ms

What is possible is measured in the same run, with `--proof files`: nothing is imported and nothing is loaded then. All
are whole processes with an empty cache, in turns.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from transfer import MB, environment, main

from prewarm.localhub import LocalHub, Repository

_MAKE = """
import sys
from pathlib import Path
from transformers import BertConfig, BertModel
from prewarm.demo.models import save, word_tokenizer

folder, vocabulary = Path(sys.argv[1]), int(sys.argv[2])
config = BertConfig(
    vocab_size=vocabulary, hidden_size=200, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
)
save(BertModel(config), folder)
word_tokenizer(folder)
"""
ENTRIES = 20


def make(folder: Path, vocabulary: int) -> list[Repository]:
    folder.mkdir()
    subprocess.run([sys.executable, "-c", _MAKE, str(folder), str(vocabulary)], check=True, capture_output=True)
    made = []
    for number in range(ENTRIES):
        repository = Repository(repo_id=f"bench/model-{number}")
        repository.commit_folder(folder)
        made.append(repository)
    return made


def run(hub: LocalHub, proof: str) -> tuple[float, float]:
    """Seconds on the network, and of the whole run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ids = "".join(f'  "bench/model-{number}",\n' for number in range(ENTRIES))
        (folder / "prewarm.toml").write_text(f"simple = [\n{ids}]\n")
        hub.log.clear()
        began = time.perf_counter()
        command = [sys.executable, "-m", "prewarm", "-q", "--proof", proof]
        done = subprocess.run(
            command, cwd=folder, env=environment(hub, folder / "home"), capture_output=True, text=True, check=False
        )
        took = time.perf_counter() - began
        assert done.returncode == 0, done.stderr
        return hub.log.span_s(), took


def compare(hub: LocalHub, runs: int) -> None:
    spans: dict[str, list[float]] = {"files": [], "load": []}
    wholes: dict[str, list[float]] = {"files": [], "load": []}
    for _ in range(runs):
        for proof, found in spans.items():
            span, whole = run(hub, proof)
            found.append(span)
            wholes[proof].append(whole)
    for proof, found in spans.items():
        ratio = [mine / base for mine, base in zip(found, spans["files"], strict=True)]
        spread = f"median of {runs}; {min(ratio):.2f} to {max(ratio):.2f}"
        print(
            f"  --proof {proof:5}  on the network {statistics.median(found):5.2f} s  {statistics.median(ratio):.2f} "
            f"({spread}); the whole run {statistics.median(wholes[proof]):5.2f} s"
        )


def weights(folder: Path, runs: int) -> None:
    """20 entries of 25 MB, 8 connections of 10 MB/s."""
    with LocalHub(make(folder / "weights", 30_000), bytes_per_s=10 * MB, round_trip_s=0.02) as hub:
        compare(hub, runs)


def tiny(folder: Path, runs: int) -> None:
    """20 entries of 5 small files, 20 ms round trip."""
    with LocalHub(make(folder / "tiny", 305), round_trip_s=0.02) as hub:
        compare(hub, runs)


if __name__ == "__main__":
    main(__doc__, {"weights": weights, "tiny": tiny}, "transformers", "torch")
