"""``prewarm script``: the file that it writes works by itself, waits for limits, and may be edited by hand."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import MINILM, Prewarm, Result
from prewarm.authoring.script import _TEMPLATE
from prewarm.localhub import LocalHub, Repository
from prewarm.localhub.quota import Quota, Quotas

Serve = Callable[..., Repository]
MANIFEST = f"""
simple = ["zoo/text", "zoo/speech"]
[[advanced]]
id = "{MINILM}"
model_class = "sentence_transformers:SentenceTransformer"
[[advanced]]
id = "zoo/chat"
model_class = "AutoModelForCausalLM"
required = false
[[advanced]]
id = "zoo/onnx"
include = ["*.onnx"]
"""


class Alone:
    """A folder with the script, a cache of its own, and no prewarm that could be imported."""

    def __init__(self, folder: Path, prewarm: Prewarm, endpoint: str) -> None:
        self.folder = folder
        poison = folder / "poison"
        (poison / "prewarm").mkdir(parents=True)
        (poison / "prewarm" / "__init__.py").write_text('raise AssertionError("the script imports prewarm")')
        self.script = folder / "download_models.py"
        done = prewarm("script", "-o", str(self.script))
        assert done.code == 0, done.err
        self.cache = folder / "home" / "hub"
        self.environ = {
            **prewarm.environ,
            "HF_HOME": str(folder / "home"),
            "HF_ENDPOINT": endpoint,
            "PYTHONPATH": str(poison),
        }

    def __call__(self, *args: str) -> Result:
        done = subprocess.run(
            [sys.executable, str(self.script), *args],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        return Result(code=done.returncode, out=done.stdout, err=done.stderr)

    def edit(self, old: str, new: str) -> None:
        text = self.script.read_text()
        assert old in text
        self.script.write_text(text.replace(old, new, 1))


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory, zoo_hub: LocalHub) -> Prewarm:
    """A project that is ready."""
    prewarm = Prewarm(tmp_path_factory.mktemp("locked"), zoo_hub.url)
    prewarm.manifest(MANIFEST)
    done = prewarm("-q")
    assert done.code == 0, done.err
    return prewarm


@pytest.fixture
def alone(tmp_path: Path, locked: Prewarm, zoo_hub: LocalHub) -> Alone:
    return Alone(tmp_path, locked, zoo_hub.url)


def test_it_fetches_what_is_locked_and_loads_it_offline(alone: Alone, locked: Prewarm) -> None:
    assert alone("--check").code == 1
    done = alone()
    assert done.code == 0, done.err
    for loaded in ("loaded BertModel + BertTokenizer", "loaded Wav2Vec2Model + Wav2Vec2FeatureExtractor"):
        assert loaded in done.out
    assert "loaded SentenceTransformer" in done.out
    files = {path.relative_to(alone.cache).as_posix() for path in alone.cache.glob("models--*/snapshots/*/**/*.*")}
    assert files == {
        path.relative_to(locked.cache).as_posix() for path in locked.cache.glob("models--*/snapshots/*/**/*.*")
    }
    refs = {path.relative_to(alone.cache): path.read_text() for path in alone.cache.glob("models--*/refs/main")}
    assert refs == {
        path.relative_to(locked.cache): path.read_text() for path in locked.cache.glob("models--*/refs/main")
    }
    assert alone("--check").code == 0
    alone.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"
    assert alone("--offline").code == 0
    next(alone.cache.glob("models--zoo--text/snapshots/*/config.json")).unlink()
    lost = alone("--check")
    assert lost.code == 1
    assert "missing config.json" in lost.out
    next(alone.cache.glob("models--zoo--chat/snapshots/*/config.json")).unlink()
    assert "missing config.json" in alone("--offline").out


def test_it_waits_for_the_limits_of_the_hub(tmp_path: Path, locked: Prewarm, zoo: Path, minilm: Path) -> None:
    from prewarm.localhub.repository import from_folder

    real = Repository(repo_id=MINILM)
    real.commit_folder(minilm)
    with LocalHub([real, *from_folder(zoo)]) as hub:
        hub.quotas = Quotas({"resolvers": Quota(requests=12, window_s=4)})
        alone = Alone(tmp_path, locked, hub.url)
        done = alone()
        assert done.code == 0, done.err
        refused = [request for request in hub.log.all() if request.status == 429]
        assert len(refused) < 40, "and does not try all the time"
        listed = [request for request in hub.log.all() if "/api/" in request.path and "/tree/" not in request.path]
        assert not [request for request in listed if "revision/main" in request.path], "what is locked is not listed"


def test_an_entry_that_is_added_by_hand(alone: Alone) -> None:
    alone.edit('    "zoo/text",\n', '    "zoo/text",\n    "zoo/masked-language",\n')
    alone.edit(
        "ADVANCED_MODELS: list[dict] = [\n",
        'ADVANCED_MODELS: list[dict] = [\n    {"id": "zoo/gguf", "include": ["*q4*"]},\n',
    )
    done = alone()
    assert done.code == 0, done.err
    assert "loaded BertModel + BertTokenizer" in done.out
    assert [path.name for path in alone.cache.glob("models--zoo--gguf/snapshots/*/*")] == ["tiny-q4.gguf"]
    assert not list(alone.cache.glob("models--zoo--masked-language/snapshots/*/*.bin"))
    assert alone("--check").code == 0
    assert alone("--offline").code == 0


def test_an_entry_that_is_changed_by_hand(alone: Alone) -> None:
    alone.edit(
        '{"id": "zoo/chat", "model_class": "AutoModelForCausalLM", "required": False}',
        '{"id": "zoo/both", "use_safetensors": False}',
    )
    done = alone()
    assert done.code == 0, done.err
    kept = {path.name for path in alone.cache.glob("models--zoo--both/snapshots/*/*")}
    assert "pytorch_model.bin" in kept


def test_an_entry_that_is_taken_out_and_one_that_cannot_be(alone: Alone) -> None:
    alone.edit('    "zoo/speech",\n', '    "zoo/not-there",\n')
    done = alone()
    assert done.code == 1
    assert "failed: RepositoryNotFoundError" in done.out
    assert not list(alone.cache.glob("models--zoo--speech/snapshots"))
    assert "Traceback" not in done.out


def test_wrong_words_and_help(alone: Alone) -> None:
    assert alone("--colour").code == 2
    assert "Exit codes: 0" in alone("--help").out
    assert alone("--help").code == 0


def test_it_is_short_and_stands_by_itself() -> None:
    text = _TEMPLATE.read_text()
    below = text[text.index("# ------") :]
    assert len(below.splitlines()) < 250
    imports = {
        str(node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).partition(".")[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }
    others = imports - set(sys.stdlib_module_names)
    assert others == {"huggingface_hub", "rich", "tenacity"}
    assert text.startswith('# /// script\n# requires-python = ">=3.10"\n# dependencies = [')


def test_it_does_not_write_over_something_else(locked: Prewarm) -> None:
    before = (locked.folder / "prewarm.toml").read_text()
    done = locked("script", "-o", "prewarm.toml")
    assert done.code == 2
    assert "is there, and is something else" in done.err
    assert (locked.folder / "prewarm.toml").read_text() == before
    assert locked("script", "-o", ".").code == 2
    assert locked("script", "-o", "none/x.py").code == 2
    assert locked("script", "-o", "x.py").code == 0
    assert locked("script", "-o", "x.py").code == 0, "its own it writes anew"


def test_what_is_not_locked_is_not_written(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest('[[advanced]]\nid = "org/files"\ninclude = ["*"]\n')
    done = prewarm("script", "-o", "x.py")
    assert done.code == 2
    assert "try: lock everything first: prewarm lock" in done.err
    assert not (prewarm.folder / "x.py").exists()
