"""What loading costs: the memory and the time of a proof, over the size of the weights."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from bench import table
from bench.figures import Figures, Plot, Series
from bench.measure import MB, Run, about, as_rows, of, run_all, seen
from bench.peers import PEERS, Job
from bench.repositories import bert
from bench.scenarios import Asked
from prewarm.localhub import LocalHub, Repository

MEGABYTES = (100, 500, 1000, 2000, 4000)
_MAKE = """
import json, sys
from pathlib import Path
from safetensors.torch import save_file
import torch
from transformers import BertConfig, BertModel

source, target, size = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
layers = max(1, size // (7087872 * 4))
config = BertConfig(vocab_size=305, hidden_size=768, num_hidden_layers=layers, num_attention_heads=12, intermediate_size=3072)
with torch.device("meta"):
    shapes = {name: value.shape for name, value in BertModel(config).state_dict().items()}
save_file({name: torch.zeros(shape) for name, shape in shapes.items()}, target / "model.safetensors", {"format": "pt"})
config.save_pretrained(target)
"""


def run(asked: Asked) -> Figures:
    """prewarm's proof beside the application's own first load, all in the cache."""
    sizes = (30, 60) if asked.quick else MEGABYTES
    runs: list[Run] = []
    for size in sizes:
        source = bert(asked.folder)
        target = asked.folder / f"large-{size}"
        target.mkdir()
        for path in source.iterdir():
            if path.suffix != ".safetensors":
                (target / path.name).write_bytes(path.read_bytes())
        subprocess.run(
            [sys.executable, "-c", _MAKE, str(source), str(target), str(size * MB)], check=True, capture_output=True
        )
        repository = Repository(repo_id="bench/large")
        repository.commit_folder(target)
        with LocalHub([repository]) as hub, tempfile.TemporaryDirectory() as name:
            job = Job(folder=Path(name), url=hub.url, ids=("bench/large",), loads=True)
            prewarm, loop = PEERS["prewarm"], PEERS["from_pretrained"]
            filled = run_all(prewarm.commands(job), cwd=job.folder, environ=prewarm.environ(job))
            assert not any(filled.codes), filled.words
            proving = [[sys.executable, "-m", "prewarm", "-q", "--prove"]]
            for at in range(asked.rounds):
                for peer, commands in (("prewarm --prove", proving), ("from_pretrained", loop.commands(job))):
                    hub.log.clear()
                    environ = prewarm.environ(job) | ({"HF_HUB_OFFLINE": "1"} if peer == "from_pretrained" else {})
                    cost = run_all(commands, cwd=job.folder, environ=environ)
                    runs.append(seen(hub, cost, case=f"{size:,} MB", peer=peer, at=at))
        (target / "model.safetensors").unlink()
    names = ("prewarm --prove", "from_pretrained")
    return Figures(
        scenario="proof",
        setting="a BERT with more and more layers, all of it in the cache: `prewarm --prove`, and `AutoModel.from_pretrained` "
        f"offline; medians of {asked.rounds} rounds.",
        about=about("transformers", "torch", "safetensors"),
        columns=table.COLUMNS,
        rows=table.rows(runs, dict.fromkeys(names, "from_pretrained")),
        notes=["The ratio is to `from_pretrained`. Peak memory counts the pages of the weights' file that are mapped."],
        runs=as_rows(runs),
        plots=[
            Plot(
                name=f"proof-{what}", title=title, x="MB of weights", y=y,
                series=[
                    Series(
                        name=peer, x=list(sizes),
                        y=[
                            of(runs, f"{size:,} MB", peer, figure)
                            for size in sizes
                        ],
                    )
                    for peer in names
                ],
            )
            for what, title, y, figure in (
                ("memory", "Peak memory of loading", "MB", "peak_mb"),
                ("time", "Time of loading, the whole process", "seconds", "wall_s"),
            )
        ],
    )  # fmt: skip
