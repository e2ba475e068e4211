"""``prewarm export`` as it is used: made once, looked at, mended, refused; and nothing half under its name."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Prewarm, Result
from prewarm.export import Place
from prewarm.localhub import Repository
from prewarm.operations.making import as_export_error
from prewarm.records.errors import ExportError

Serve = Callable[..., Repository]
TEXT = '[[advanced]]\nid = "zoo/text"\n[advanced.export]\n'
FOLDER = "models/text"


# The first test of a run makes what all of them look at.
pytestmark = pytest.mark.timeout(900)


def artifact(result: Result, at: int = 0) -> dict[str, object]:
    found: dict[str, object] = result.report["artifacts"][at]
    return found


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def made(zoo_prewarm: Prewarm) -> Prewarm:
    """A project whose artifact was made."""
    zoo_prewarm.manifest(TEXT + 'check_files = ["model.onnx", "tokenizer.json"]\n')
    result = zoo_prewarm("export", "--json")
    assert result.code == 0, result.out + result.err
    found = artifact(result)
    assert found["status"] == "made"
    assert found["task"] == "feature-extraction"
    return zoo_prewarm


def test_what_is_there_is_made_once_and_looked_at_without_the_hub_or_the_cache(made: Prewarm) -> None:
    folder = made.folder / FOLDER
    before = content(folder)
    assert set(before) == {"README.md", "model.onnx", "prewarm.json", "tokenizer.json"}
    assert len(before["README.md"].decode().splitlines()) == 5
    record = json.loads(before["prewarm.json"])
    lock = (made.folder / "prewarm.lock").read_text(encoding="utf-8")
    assert record["commit"] in lock
    assert all(one.get("sha256", one.get("git-sha1")) in lock for one in record["source"])
    shutil.rmtree(made.cache)
    gone = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    result = made("export", "--json", env=gone)
    assert result.code == 0
    assert artifact(result)["status"] == "whole"
    assert content(folder) == before
    assert made("export", "--check", env=gone).code == 0
    assert "nothing to do" in made("export", env=gone).out


def test_what_is_missing_or_changed_is_told_and_only_missing_is_mended(made: Prewarm) -> None:
    folder = made.folder / FOLDER
    never = {"PREWARM_EXPORT": "never"}
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "server.pyc").write_bytes(b"x")
    assert made("export", "--check").code == 0
    whole = (folder / "tokenizer.json").read_bytes()
    (folder / "tokenizer.json").unlink()
    for args, env in ((["--check"], {}), ([], never), ([], {"DOWNLOAD_MODELS": "false"})):
        result = made("export", *args, env=env)
        assert result.code == 1
        assert "tokenizer.json is missing" in result.out
        assert "1 of 1 artifact not there" in result.out
        assert not (folder / "tokenizer.json").exists()
    assert made("export").code == 0
    assert (folder / "tokenizer.json").read_bytes() == whole
    (folder / "notes.txt").write_text("a user's", encoding="utf-8")
    assert made("export", "--check").code == 0
    # Of the same size, at the same time.
    path = folder / "model.onnx"
    status = path.stat()
    wrong = bytearray(path.read_bytes())
    wrong[len(wrong) // 2] ^= 1
    path.write_bytes(wrong)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    result = made("export", "--check")
    assert result.code == 1
    assert "model.onnx is not what was made" in result.out
    assert "prewarm export --force" in result.out
    result = made("export", "--json")
    assert result.code == 1
    error = artifact(result)["error"]
    assert isinstance(error, dict)
    assert error["kind"] == "export-error"
    assert "somebody has changed" in error["message"]
    assert path.read_bytes() == wrong, "nobody has said that the change may be lost"
    assert (folder / "notes.txt").exists()
    assert made("export", "--force", "-q").code == 0
    assert made("export", "--check", "-q").code == 0
    assert made("export", "--check", env={"DOWNLOAD_MODELS": "true"}).code == 0


def test_other_keys_make_it_stale(made: Prewarm) -> None:
    made.manifest(TEXT + "max_length = 20\n")
    result = made("export", "--check")
    assert result.code == 1
    assert "max_length was None, and is 20" in result.out
    assert made("export").code == 0
    assert json.loads((made.folder / FOLDER / "prewarm.json").read_text(encoding="utf-8"))["max_length"] == 20
    tokenizer = json.loads((made.folder / FOLDER / "tokenizer.json").read_text(encoding="utf-8"))
    assert tokenizer["truncation"]["max_length"] == 20
    assert not list((made.folder / "models").glob(".*"))
    made.manifest(TEXT.replace("[advanced.export]", 'dtype = "float32"\n[advanced.export]') + "max_length = 20\n")
    result = made("export", "--check")
    assert result.code == 1
    assert "its entry loads something else now, or in another way" in result.out


def test_files_of_somebody_else_are_not_taken_for_an_artifact(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest(TEXT + 'output_dir = "src"\n')
    (zoo_prewarm.folder / "src").mkdir()
    (zoo_prewarm.folder / "src" / "app.py").write_text("print()\n", encoding="utf-8")
    result = zoo_prewarm("export")
    assert result.code == 1
    assert "is no artifact of this entry: app.py is there" in result.out
    assert zoo_prewarm("export", "--force").code == 1
    assert content(zoo_prewarm.folder / "src") == {"app.py": b"print()\n"}
    zoo_prewarm.manifest(TEXT + 'output_dir = "src/app.py"\n')
    result = zoo_prewarm("export", "--force")
    assert result.code == 1
    assert "a file is there" in result.out
    assert content(zoo_prewarm.folder / "src") == {"app.py": b"print()\n"}


@pytest.mark.parametrize("where", [".", "..", "~", "/"])
def test_a_folder_that_holds_more_is_never_replaced(prewarm: Prewarm, where: str) -> None:
    named = where if where in "~/" else str((prewarm.folder / where).resolve())
    prewarm.manifest(TEXT + f'output_dir = "{named}"\n')
    for words in ([], ["--force"], ["--check"]):
        result = prewarm("export", *words, env={"HOME": str(prewarm.folder)})
        assert result.code == 2, result.out + result.err
        assert "holds more than an artifact" in result.err
    prewarm.manifest(TEXT + 'output_dir = "~nobody-of-that-name/x"\n')
    assert prewarm("export", "--check").code == 2


def test_a_run_that_is_killed_leaves_nothing_under_the_name(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest(TEXT)
    assert zoo_prewarm("-q").code == 0
    folder = zoo_prewarm.folder / FOLDER
    for wanted in ("", "model.onnx"):
        process = subprocess.Popen(
            zoo_prewarm.command("export"),
            cwd=zoo_prewarm.folder,
            env=zoo_prewarm.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until = time.monotonic() + 120
        while not (folder.with_name(".text.making") / wanted).exists():
            assert time.monotonic() < until
            assert process.poll() is None
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not folder.exists()
        assert zoo_prewarm("export", "--check", "-q").code == 1
    assert zoo_prewarm("export", "-q").code == 0
    assert [path.name for path in (zoo_prewarm.folder / "models").iterdir()] == ["text"]


def test_a_folder_that_was_put_aside_when_it_was_killed_comes_back(tmp_path: Path) -> None:
    aside = tmp_path / ".one.before"
    aside.mkdir()
    (aside / "model.onnx").write_bytes(b"whole")
    place = Place(tmp_path / "one")

    def fill() -> None:
        with place.making() as folder:
            (folder / "half").write_bytes(b"half")
            raise OSError(28, "full")

    with pytest.raises(OSError, match="full"):
        fill()
    assert content(tmp_path) == {"one/model.onnx": b"whole"}
    with place.making() as folder:
        (folder / "new").write_bytes(b"new")
    assert content(tmp_path) == {"one/new": b"new"}


def test_what_a_link_leads_to_is_written_and_the_link_stays(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "old").write_bytes(b"old")
    (tmp_path / "one").symlink_to(real)
    with Place(tmp_path / "one").making() as folder:
        (folder / "new").write_bytes(b"new")
    assert (tmp_path / "one").is_symlink()
    assert content(real) == {"new": b"new"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "real"]


def test_another_run_is_not_disturbed_and_what_may_not_be_written_goes(tmp_path: Path) -> None:
    place = Place(tmp_path / "one")
    code = "import sys; from pathlib import Path; from prewarm.export import Place; Place(Path(sys.argv[1])).tidy()"
    with place.making() as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "new").write_bytes(b"new")
        other = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "one")], capture_output=True, text=True, check=False
        )
        assert "another run makes it" in other.stderr
        assert (folder / "inner" / "new").exists()
    for path in (place.folder / "inner", place.folder):
        path.chmod(0o555)
    with place.making() as folder:
        (folder / "newer").write_bytes(b"newer")
    assert content(tmp_path) == {"one/newer": b"newer"}


def test_a_full_disk_has_a_name(tmp_path: Path) -> None:
    error = as_export_error(OSError(28, "No space left on device"), tmp_path)
    assert isinstance(error, ExportError)
    assert error.kind == "no-space"
    assert "output_dir" in error.hint


def test_files_are_taken_as_they_are_and_failures_that_nobody_requires_are_reported(
    zoo_prewarm: Prewarm, zoo: Path
) -> None:
    zoo_prewarm.manifest(
        '[[advanced]]\nid = "zoo/text"\n[advanced.export]\nformat = "files"\n'
        '[[advanced]]\nid = "zoo/image"\nrequired = false\n[advanced.export]\ntask = "fill-mask"\n'
    )
    result = zoo_prewarm("export", "--json")
    assert result.code == 0, result.out + result.err
    files, failed = result.report["artifacts"]
    assert files["status"] == "made"
    copied = content(zoo_prewarm.folder / FOLDER)
    record = json.loads(copied.pop("prewarm.json"))
    assert copied == {name: (zoo / "zoo/text" / name).read_bytes() for name in copied}
    assert {one["path"] for one in record["source"]} == set(copied)
    assert failed["status"] == "failed"
    assert "fill-mask" in failed["error"]["message"]
    assert not (zoo_prewarm.folder / "models/image").exists()
    assert "try:" in zoo_prewarm("export").out


def own_code(zoo: Path, body: str) -> dict[str, bytes]:
    """A repository with a model of its own, whose ``forward`` ends with ``body``."""
    code = """
import sys
import transformers
class OwnConfig(transformers.BertConfig):
    model_type = "own"
class OwnModel(transformers.BertModel):
    config_class = OwnConfig
    def forward(self, input_ids=None, attention_mask=None, token_type_ids=None, return_dict=None, **given):
        found = super().forward(input_ids=input_ids, attention_mask=attention_mask, return_dict=True)
"""
    files = {path.name: path.read_bytes() for path in (zoo / "zoo/text").iterdir() if path.is_file()}
    config = json.loads(files["config.json"])
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"}}
    files["config.json"] = json.dumps({**config, "architectures": ["OwnModel"]}).encode()
    lines = "".join(f"        {line}\n" for line in [*body.splitlines(), "return found"])
    return {**files, "own.py": (code + lines).encode()}


BRANCH = """
if input_ids.shape[1] > LIMIT:
    found["last_hidden_state"] = -found["last_hidden_state"]
"""
PLANTS = """
frame = sys._getframe()
while frame is not None:
    target = frame.f_locals.get("target")
    if hasattr(target, "joinpath"):
        target.joinpath("numpy.py").write_text("print('gotcha')")
    frame = frame.f_back
"""


def test_code_of_a_repository_is_exported_where_it_is_trusted_and_its_branches_are_refused(
    prewarm: Prewarm, serve: Serve, zoo: Path
) -> None:
    serve("org/plain", own_code(zoo, BRANCH.replace("LIMIT", "100000")))
    serve("org/branch", own_code(zoo, BRANCH.replace("LIMIT", "13")))
    prewarm.manifest(
        "".join(
            f'[[advanced]]\nid = "org/{name}"\ntrust_remote_code = true\n[advanced.export]\n'
            for name in ("plain", "branch")
        )
    )
    result = prewarm("export", "--json")
    assert result.code == 1
    plain, branch = result.report["artifacts"]
    assert plain["status"] == "made", plain
    assert branch["status"] == "failed"
    assert "branches on a shape" in branch["error"]["message"]
    assert "max_length = 13" in branch["error"]["hint"]
    assert sorted(path.name for path in (prewarm.folder / "models").iterdir()) == ["plain"]


def test_code_of_a_repository_puts_nothing_into_the_folder(prewarm: Prewarm, serve: Serve, zoo: Path) -> None:
    serve("org/planting", own_code(zoo, PLANTS))
    prewarm.manifest('[[advanced]]\nid = "org/planting"\ntrust_remote_code = true\n[advanced.export]\n')
    result = prewarm("export")
    assert result.code == 1
    assert "numpy.py was written beside the graph" in result.out
    assert list((prewarm.folder / "models").iterdir()) == []


@pytest.mark.parametrize(
    ("manifest", "args", "code", "said"),
    [
        ('simple = ["zoo/text"]', [], 2, "no entry of prewarm.toml has an artifact to make"),
        ('simple = ["zoo/text"]', ["nope"], 2, "no entry is called 'nope'"),
        ('simple = ["zoo/text"]', ["zoo/text", "--check"], 1, "there is no such folder"),
        (TEXT, ["--check", "--force"], 2, "exclude each other"),
        (TEXT, ["--min-similarity", "2"], 2, "expected a number from 0 to 1"),
        (TEXT, ["--models-dir", "elsewhere", "--check"], 1, "elsewhere/text"),
        (TEXT + '[[advanced]]\nid = "zoo/chat"\n[advanced.export]\noutput_dir = "models/text/in"\n', [], 2, "in it"),
        (TEXT + '[[advanced]]\nid = "other/text"\n[advanced.export]\n', [], 2, "that of zoo/text"),
        (TEXT + '[[advanced]]\nid = "other/text"\n', ["other/text"], 2, "that of zoo/text"),
    ],
)
def test_what_is_wrong_is_told(prewarm: Prewarm, manifest: str, args: list[str], code: int, said: str) -> None:
    prewarm.manifest(manifest)
    result = prewarm("export", *args, env={"HF_ENDPOINT": "http://127.0.0.1:9"})
    assert result.code == code, result.out + result.err
    assert said in result.out + result.err


def test_a_word_of_the_environment_that_means_nothing_is_refused(prewarm: Prewarm) -> None:
    prewarm.manifest(TEXT)
    result = prewarm("export", env={"PREWARM_EXPORT": "always"})
    assert result.code == 2
    assert "PREWARM_EXPORT is 'always'" in result.err
