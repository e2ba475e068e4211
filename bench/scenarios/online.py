"""What an online application still asks for, with the cache as prewarm leaves it, and with what marks are worth."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from bench.figures import Figures
from bench.measure import about, run_all
from bench.peers import PEERS, Job
from bench.scenarios import Asked
from prewarm.demo import models
from prewarm.localhub import LocalHub
from prewarm.localhub.repository import from_folder

KINDS = {
    "bench/text": ("BERT", models.text),
    "bench/chat": ("Llama with a chat template", models.chat),
    "bench/summaries": ("T5", models.summaries),
    "bench/speech": ("Wav2Vec2", models.speech),
}


def run(asked: Asked) -> Figures:
    """A warm ``from_pretrained`` pair, online."""
    models.make(asked.folder / "repositories", {repo_id: kind for repo_id, (_, kind) in KINDS.items()})
    rows, runs = [], []
    prewarm, loop = PEERS["prewarm"], PEERS["from_pretrained"]
    with LocalHub(from_folder(asked.folder / "repositories")) as hub:
        for repo_id, (called, _) in KINDS.items():
            with tempfile.TemporaryDirectory() as name:
                job = Job(folder=Path(name), url=hub.url, ids=(repo_id,), loads=True)
                cold = counted(hub, loop.commands(job), job, home="cold")
                filled = run_all(prewarm.commands(job), cwd=job.folder, environ=prewarm.environ(job))
                assert not any(filled.codes), filled.words
                warm = counted(hub, loop.commands(job), job)
                for marks in job.home.glob("hub/*/.no_exist"):
                    shutil.rmtree(marks)
                bare = counted(hub, loop.commands(job), job)
                rows.append([called, *(f"{metered} ({files})" for metered, files in (cold, warm, bare))])
                runs.append({"model": called, "cold": cold, "warm": warm, "without_marks": bare})
    return Figures(
        scenario="online",
        setting="metered requests of a `from_pretrained` pair, model and processor, online; in parentheses those for files. The marks "
        "are for files that the commit does not have. `prewarm run` leaves none at all.",
        about=about("transformers"),
        columns=["model", "empty cache", "after `prewarm`", "the same, without marks"],
        rows=rows,
        runs=runs,
    )


def counted(hub: LocalHub, commands: list[list[str]], job: Job, *, home: str = "") -> tuple[int, int]:
    """Metered requests, and those of them for files."""
    environ = PEERS["from_pretrained"].environ(job)
    if home:
        environ["HF_HOME"] = str(job.folder / home)
    hub.log.clear()
    run_all(commands, cwd=job.folder, environ=environ)
    metered = [request.bucket for request in hub.log.metered()]
    return len(metered), metered.count("resolvers")
