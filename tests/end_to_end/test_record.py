"""``prewarm record``: an application that runs once, to a manifest that makes it run offline on an empty cache."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import Prewarm, interrupted_when
from prewarm.localhub import LocalHub, Repository
from prewarm.localhub.repository import from_folder
from prewarm.manifest import toml as tomlfile

FIVE = """\
import torch
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer, pipeline
from sentence_transformers import SentenceTransformer
import datasets, diffusers, faster_whisper
from huggingface_hub import snapshot_download

tokens = AutoTokenizer.from_pretrained("others/sentences")("word1", return_tensors="pt")
print(round(float(AutoModel.from_pretrained("others/sentences")(**tokens).pooler_output.sum().detach()), 4))
AutoModelForCausalLM.from_pretrained("others/base", dtype=torch.float32)
print(round(float(SentenceTransformer("others/static", device="cpu").encode("word1").sum()), 4))
print(type(pipeline("text-to-speech", model="others/talker").vocoder).__name__)
pipe = diffusers.StableDiffusionPipeline.from_pretrained("others/diffusion", variant="fp16", torch_dtype=torch.float16)
print(sorted(pipe.components))
print(faster_whisper.WhisperModel("others/whisper", device="cpu", compute_type="float32").hf_tokenizer.get_vocab_size())
print(datasets.load_dataset(snapshot_download("others/table", repo_type="dataset"))["train"][3])
"""
SMALL = """\
from huggingface_hub import hf_hub_download, snapshot_download
print(open(hf_hub_download("org/files", "one.txt")).read())
folder = snapshot_download("org/further")
print(open(folder + "/data.json").read())
"""


@pytest.fixture
def others_hub(others: Path) -> Iterator[LocalHub]:
    with LocalHub(from_folder(others)) as hub:
        yield hub


@pytest.fixture
def project(prewarm: Prewarm, serve: Callable[..., Repository]) -> Prewarm:
    serve("org/files", {"one.txt": b"one", "two.txt": b"two"})
    serve("org/further", {"data.json": b"{}", "more.json": b"[]"})
    (prewarm.folder / "app.py").write_text(SMALL)
    prewarm.environ["PYTHONWARNINGS"] = "ignore"
    return prewarm


@pytest.mark.exhaustive
def test_an_application_of_five_libraries_runs_offline_on_an_empty_cache(others_hub: LocalHub, tmp_path: Path) -> None:
    prewarm = Prewarm(tmp_path, others_hub.url)
    prewarm.environ["PYTHONWARNINGS"] = "ignore"
    (tmp_path / "app.py").write_text(FIVE)
    recorded = prewarm("record", "--write", "--", sys.executable, "app.py")
    assert recorded.code == 0, recorded.err
    entries = tomlfile.parse((tmp_path / "prewarm.toml").read_text())
    assert entries["simple"] == ["others/sentences"]
    assert {table["id"]: table.get("model_class") or table.get("task") for table in entries["advanced"]} == {
        "others/base": "AutoModelForCausalLM",
        "others/static": "sentence_transformers:SentenceTransformer",
        "others/talker": "text-to-speech",
        "others/diffusion": "diffusers:StableDiffusionPipeline",
        "others/whisper": "faster_whisper:WhisperModel",
        "others/table": None,
    }
    assert "others/base  app.py:9" in recorded.err
    prewarm.environ["HF_HOME"] = str(tmp_path / "empty")
    warmed = prewarm()
    assert warmed.code == 0, warmed.out
    others_hub.log.clear()
    offline = prewarm.python(FIVE, HF_HUB_OFFLINE="1", PYTHONWARNINGS="ignore")
    assert offline.out == recorded.out
    assert not others_hub.log.all()


def test_only_what_is_opened_is_named(project: Prewarm, hub: LocalHub) -> None:
    done = project("record", "--", sys.executable, "app.py")
    assert done.code == 0, done.err
    assert done.out.startswith("one\n{}\n"), "its output is its own"
    found = tomlfile.parse(done.out.partition("{}\n")[2])
    assert [(table["id"], table["include"]) for table in found["advanced"]] == [
        ("org/files", ["one.txt"]),
        ("org/further", ["data.json"]),
    ]
    assert "  app.py:2" in done.err
    assert not (project.folder / "prewarm.toml").exists()
    hub.log.clear()
    assert project("record", "--", sys.executable, "app.py").code == 0
    assert not hub.log.metered(containing="/resolve/"), "nothing is fetched twice"


def test_the_same_where_no_kernel_tells_what_is_opened(project: Prewarm, hub: LocalHub) -> None:
    recorded = project.python(
        "import sys; from prewarm.worker import opened; opened.Inotify = opened.AccessTimes; "
        f"from prewarm.cli.main import main; sys.exit(main(['record', '--', {sys.executable!r}, 'app.py']))"
    )
    assert recorded.code == 0, recorded.err
    assert 'include = ["data.json"]' in recorded.out
    assert "more.json" not in recorded.out


def test_offline_on_a_warm_cache_it_sees_the_same_without_a_request(project: Prewarm, hub: LocalHub) -> None:
    assert project("record", "--write", "--", sys.executable, "app.py").code == 0
    assert project().code == 0
    hub.log.clear()
    done = project("record", "-o", "again.toml", "--", sys.executable, "app.py", env={"HF_HUB_OFFLINE": "1"})
    assert done.code == 0, done.err
    assert not hub.log.all()
    assert (project.folder / "again.toml").read_text() == (project.folder / "prewarm.toml").read_text()


def test_the_exit_code_is_the_commands(project: Prewarm) -> None:
    (project.folder / "app.py").write_text(SMALL + "raise SystemExit(7)\n")
    done = project("record", "--", sys.executable, "app.py")
    assert done.code == 7
    assert "org/files" in done.err, "what it loaded before is recorded all the same"


def test_processes_that_it_starts_count(project: Prewarm) -> None:
    (project.folder / "app.py").write_text(
        "import multiprocessing as m, runpy, subprocess, sys\n"
        "def load(): runpy.run_path('small.py')\n"
        "if __name__ == '__main__':\n"
        "    subprocess.run([sys.executable, 'first.py'], check=True)\n"
        "    worker = m.get_context('spawn').Process(target=load)\n"
        "    worker.start(); worker.join(); sys.exit(worker.exitcode)\n"
    )
    (project.folder / "first.py").write_text(SMALL.splitlines()[0] + "\n" + SMALL.splitlines()[1])
    (project.folder / "small.py").write_text(SMALL)
    done = project("record", "--", sys.executable, "app.py")
    assert done.code == 0, done.err
    assert "first.py:2" in done.err
    assert "small.py:3" in done.err


def test_a_server_that_never_ends_is_ended_by_an_interrupt_and_recorded(project: Prewarm) -> None:
    note = project.folder / "up"
    (project.folder / "app.py").write_text(
        SMALL + f"import signal, time\nopen({str(note)!r}, 'w').close()\n"
        "try:\n    time.sleep(600)\nexcept KeyboardInterrupt:\n    raise SystemExit(3)\n"
    )
    with subprocess.Popen(
        project.command("record", "--write", "--", sys.executable, "app.py"),
        cwd=project.folder,
        env=project.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        said = interrupted_when(process, note)
    assert process.returncode == 3, said
    assert "org/files" in (project.folder / "prewarm.toml").read_text()


def test_a_run_that_asked_for_nothing_does_not_end_in_silence(project: Prewarm) -> None:
    done = project("record", "--write", "--", sys.executable, "-c", "print('up')")
    assert done.code == 0
    assert done.out == "up\n"
    assert "nothing was asked of the Hub" in done.err
    assert "FASTEMBED_CACHE_PATH" in done.err
    assert not (project.folder / "prewarm.toml").exists()


def test_a_sitecustomize_of_the_users_is_run_as_well(project: Prewarm) -> None:
    (project.folder / "site").mkdir()
    (project.folder / "site" / "sitecustomize.py").write_text("print('mine')\n")
    done = project(
        "record", "--", sys.executable, "-c", "print('up')", env={"PYTHONPATH": str(project.folder / "site")}
    )
    assert done.out.splitlines()[-2:] == ["mine", "up"], "and not in prewarm's own place"


def test_a_command_that_is_nowhere(project: Prewarm) -> None:
    done = project("record", "--", "no-such-command")
    assert done.code == 127
    assert "there is no command 'no-such-command'" in done.err


def test_it_writes_into_the_manifest_that_is_there(project: Prewarm) -> None:
    pyproject = project.folder / "pyproject.toml"
    pyproject.write_text('[project]\nname = "mine"  # kept\n\n[tool.prewarm]\nsimple = ["org/other"]\n')
    assert project("record", "--write", "--", sys.executable, "app.py").code == 0
    text = pyproject.read_text()
    assert 'name = "mine"  # kept' in text
    assert [table["id"] for table in tomlfile.parse(text)["tool"]["prewarm"]["advanced"]] == [
        "org/files",
        "org/further",
    ]
    assert not (project.folder / "prewarm.toml").exists()
