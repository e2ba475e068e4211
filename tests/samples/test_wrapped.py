"""``[[wrapped]]``: a folder as onboarding systems take it is installed, run, compared, remembered; or refused."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import TOKEN, Prewarm

CODE = """
from tinyscore import score

class Base:
    def inference_batch(self, items):
        return [self.inference(item) for item in items]

class ModelWrapper(Base):
    def init(self, model_root):
        with open(model_root + "/weights.txt") as file:
            self.weight = float(file.read())

    def inference(self, item):
        return {"score": score(item["data"], self.weight)}

    def convert_mop_input_to_model_input(self, mop_input, **more):
        return {"data": mop_input.text}

    def convert_model_output_to_mop_output(self, out, **more):
        value = out["score"]
        return {
            "confidence_scores": {"hate": {"positive": value, "negative": 1 - value}},
            "predicted_labels": {"hate": {"positive": int(value > 0.5), "negative": int(value <= 0.5)}},
        }
"""
SCORE = "def score(text, weight):\n    return min(1.0, len(text) / 100 * weight)\n"


def wheel(folder: Path, name: str, version: str, code: str = "", requires: tuple[str, ...] = ()) -> Path:
    """A package, as a file that pip and uv install."""
    folder.mkdir(exist_ok=True, parents=True)
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": metadata + "".join(f"Requires-Dist: {one}\n" for one in requires),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(content)}\n"
    files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    made = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as file:
        for inner, content in files.items():
            file.writestr(inner, content)
    return made


class Folder:
    """A wrapped model that is being written."""

    def __init__(self, prewarm: Prewarm) -> None:
        self.prewarm = prewarm
        self.path = prewarm.folder / "tox"
        self.index = prewarm.folder / "index"
        for name in ("model", "src", "privatepkgs"):
            (self.path / name).mkdir(parents=True)
        (self.path / "model" / "weights.txt").write_text("0.7")
        self.code(CODE)
        self.requirements("tinybase>=1\n")
        self.settings(f'env:\n  python: "{sys.version_info[0]}.{sys.version_info[1]}"\n')
        wheel(self.path / "privatepkgs", "tinyscore", "1.0", SCORE, ("tinybase",))
        wheel(self.index, "tinybase", "1.0")
        prewarm.manifest('[[wrapped]]\npath = "tox"\nsample = { text = "some words to look at" }\n')
        self.by("uv")

    def by(self, installer: str) -> None:
        """Install with that."""
        own = Path(sys.executable).parent
        path = f"{own}{os.pathsep}/usr/bin{os.pathsep}/bin" if installer == "uv" else f"/usr/bin{os.pathsep}/bin"
        index = str(self.index)
        self.prewarm.environ |= {
            "PATH": path,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": index,
            "PIP_CONFIG_FILE": os.devnull,
            "UV_NO_INDEX": "1",
            "UV_FIND_LINKS": index,
            "UV_OFFLINE": "1",
            "UV_CACHE_DIR": str(self.prewarm.folder / "uv"),
            "UV_NO_CONFIG": "1",
            "UV_PYTHON_INSTALL_DIR": str(self.prewarm.folder / "pythons"),
        }

    def code(self, text: str) -> None:
        (self.path / "src" / "inference.py").write_text(text)

    def requirements(self, text: str) -> None:
        (self.path / "src" / "requirements.txt").write_text(text)

    def settings(self, text: str) -> None:
        (self.path / "src" / "settings.yml").write_text(text)

    def report(self, *words: str) -> dict[str, Any]:
        result = self.prewarm(*words, "--json")
        found: dict[str, Any] = result.report["wrapped"][0]
        assert result.code == int(not found["ready"]), result.out + result.err
        return found


@pytest.fixture
def folder(prewarm: Prewarm) -> Folder:
    return Folder(prewarm)


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_a_folder_is_installed_run_and_remembered(folder: Folder, installer: str) -> None:
    folder.by(installer)
    before = folder.report("check")
    assert (before["status"], before["notes"]) == ("missing", ["not run yet"])
    warm = folder.prewarm("--json")
    assert warm.code == 0, warm.out + warm.err
    assert f"{installer} installs what it requires" in warm.err
    found = warm.report["wrapped"][0]
    assert (found["status"], found["class"]) == ("proven", "ModelWrapper")
    assert found["answer"]["confidence_scores"]["hate"]["positive"] == pytest.approx(0.147)
    assert folder.report("check")["status"] == "proven"
    assert "1 wrapped model ready" in folder.prewarm().out, "nothing is run again"

    (folder.path / "model" / "weights.txt").write_text("0.50")
    changed = folder.report("check")
    assert (changed["status"], changed["notes"]) == ("cached", ["it has changed since it was run"])
    again = folder.prewarm("try")
    assert again.code == 0
    assert '"positive": 0.105' in again.out
    assert "installs" not in again.err, "what it requires is as it was"
    assert folder.report("check")["status"] == "proven"


def test_it_has_no_network_and_no_token(folder: Folder) -> None:
    spying = CODE.replace(
        "    def inference(self, item):",
        """    def inference(self, item):
        import os, socket
        assert "TokenOfTheTests" not in str(os.environ)
        try:
            socket.create_connection(("127.0.0.1", int(os.environ["PORT_THERE"])), timeout=5)
        except OSError:
            pass
        else:
            raise RuntimeError("it reaches the network")""",
    )
    folder.code(spying)
    port = folder.prewarm.environ["HF_ENDPOINT"].rpartition(":")[2]
    folder.prewarm.environ |= {"PORT_THERE": port, "HF_TOKEN": TOKEN}
    result = folder.prewarm("--json")
    assert result.code == 0, result.out
    assert TOKEN not in result.out + result.err


def test_packages_that_do_not_go_together_are_named_before_anything_runs(folder: Folder) -> None:
    wheel(folder.index, "tinybase", "2.0")
    wheel(folder.path / "privatepkgs", "tinyscore", "1.0", SCORE, ("tinybase<2",))
    folder.requirements("tinybase>=2\n")
    marker = folder.prewarm.folder / "ran"
    folder.code(f"open({str(marker)!r}, 'w')\n" + CODE)
    for installer in ("pip", "uv"):
        folder.by(installer)
        found = folder.report("warm")
        assert found["status"] == "failed"
        assert "cannot be installed together" in found["error"]["message"]
        assert "tinybase" in found["error"]["message"]
        assert "requirements.txt" in found["error"]["hint"]
        assert not marker.exists()


def test_what_it_requires_and_is_nowhere_is_named(folder: Folder) -> None:
    folder.requirements("tinybase\nno-such-package-here==4.2\n")
    assert "no-such-package-here" in folder.report("warm")["error"]["message"]


Change = Callable[[Folder], object]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: (one.path / "src" / "inference.py").unlink(), "tox/src has no inference.py"),
        (lambda one: (one.path / "src" / "settings.yml").unlink(), "tox/src has no settings.yml"),
        (lambda one: (one.path / "model" / "weights.txt").unlink() or (one.path / "model").rmdir(), "has no folder model"),
        (lambda one: one.prewarm.manifest('[[wrapped]]\npath = "no"\nsample = { text = "a" }\n'), "there is no folder"),
        (lambda one: one.requirements("TinyScore>=1\n"), "names tinyscore, which is private"),
        (lambda one: one.requirements("tiny score ==\n"), "requirements.txt:1: 'tiny score ==' is no requirement"),
        (lambda one: one.settings("env: [\n"), "settings.yml is no YAML"),
        (lambda one: one.settings("[" * 20_000), "settings.yml is no YAML"),
        (lambda one: one.settings("env:\n  python: 2024-13-45\n"), "settings.yml is no YAML"),
        (lambda one: one.settings("env:\n  python: '3.2'\n"), "no environment of Python 3.2 can be made"),
        (lambda one: one.settings("env: 3\n"), "settings.yml has no table env"),
        (lambda one: one.settings("env:\n  python: new\n"), "env.python is 'new', and no version"),
        (lambda one: (one.by("pip"), one.settings("env:\n  python: '3.7'\n")), "it wants Python 3.7"),
        (lambda one: (one.path / "privatepkgs" / "odd.whl").write_text(""), "odd.whl is not named as a wheel is"),
    ],
)  # fmt: skip
def test_a_folder_that_is_not_whole_is_refused(folder: Folder, change: Change, said: str) -> None:
    change(folder)
    found = folder.report("warm")
    assert found["status"] == "failed"
    assert said in found["error"]["message"]
    assert found["error"]["hint"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("from tinyscore import score", "import no_such_module", "import of src/inference.py: ModuleNotFoundError"),
        ("def inference(self", "def infer(self", "ModelWrapper lacks inference"),
        ("class ModelWrapper(Base):", "class ModelWrapper:", "ModelWrapper lacks inference_batch"),
        ("float(file.read())", "float('x')", "init: ValueError: could not convert"),
        ("convert_mop_input_to_model_input", "converted", "ModelWrapper has no convert_"),
        ('item["data"], self', 'item["text"], self', "inference: KeyError: 'text'"),
        ("[self.inference(item) for item in items]", "[]", "inference_batch gives 0 answers to 3 inputs"),
        (
            "[self.inference(item) for item in items]",
            '[{"score": 0.9} for item in items]',
            "another answer than inference for the same input: batch[0].confidence_scores.hate.positive: 0.9",
        ),
        ('"predicted_labels"', '"labels"', "its answer is of another shape: it has no confidence_scores and"),
        ('"negative": 1 - value}', '"other": 1 - value}', "hate has scores of ['other', 'positive']"),
        ("int(value > 0.5), ", "value, ", "the label hate.positive is 0.147"),
        ('"positive": value,', '"positive": value * 100,', "the score of hate.positive is 14.7"),
        ("def inference(self, item):", "def inference(self, item):\n        import os; os._exit(7)", "ended with 7"),
        ("return {\n", "return object() if value else {\n", "TypeError: a object is no part of an answer"),
    ],
)
def test_a_class_that_does_not_answer_as_it_has_to_is_told_why(folder: Folder, old: str, new: str, said: str) -> None:
    assert old in CODE
    folder.code(CODE.replace(old, new, 1))
    found = folder.report("warm")
    assert found["status"] == "failed"
    assert said in found["error"]["message"], found["error"]
    kept = folder.report("check")
    assert (kept["status"], kept["error"]["message"]) == ("failed", found["error"]["message"])


def test_one_that_hangs_is_ended(folder: Folder) -> None:
    folder.code(
        CODE.replace("def init(self, model_root):", "def init(self, model_root):\n        import time; time.sleep(999)")
    )
    began = time.monotonic()
    result = folder.prewarm("--json", "--proof-timeout", "3s")
    assert result.report["wrapped"][0]["error"]["kind"] == "timeout"
    assert time.monotonic() - began < 200, "and not after 999 s"


def test_what_decides_it_is_looked_at_wherever_it_lies(folder: Folder) -> None:
    wheel(folder.index, "tinybase", "2.0", "version = 2\n")
    wheel(folder.index, "tinybase", "1.0", "version = 1\n")
    (folder.path / "src" / "more.txt").write_text("tinybase==1.0\n")
    folder.requirements("-r more.txt\t# with what it needs\n")
    (folder.path / "model" / "weights.txt").unlink()
    (folder.path / "model").rmdir()
    elsewhere = folder.prewarm.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "weights.txt").write_text("0.7")
    (folder.path / "model").symlink_to(elsewhere, target_is_directory=True)
    folder.code(
        CODE.replace(
            "from tinyscore import score", "import tinybase\nfrom tinyscore import score\nassert tinybase.version == 1"
        )
    )
    assert folder.report("warm")["status"] == "proven"
    (elsewhere / "weights.txt").write_text("0.55")
    assert folder.report("check")["status"] == "cached", "a link leads to it"
    folder.code(
        CODE.replace(
            "from tinyscore import score", "import tinybase\nfrom tinyscore import score\nassert tinybase.version == 2"
        )
    )
    (folder.path / "src" / "more.txt").write_text("tinybase==2.0\n")
    assert folder.report("warm")["status"] == "proven", "its environment is made anew"


def test_what_it_writes_beside_itself_and_what_yaml_makes_of_a_version(folder: Folder) -> None:
    folder.settings(f"env:\n  python: {sys.version_info[0]}.{sys.version_info[1]}\n")
    folder.code(CODE.replace("import score", "import score\nopen('log.txt', 'a').write('x')"))
    assert folder.report("warm")["status"] == "proven"
    assert folder.report("check")["status"] == "proven", "its own log is no change"


def test_an_image_is_sent_by_its_content_and_an_entry_beside_it_is_warmed(folder: Folder, serve: Any) -> None:
    serve("org/files")
    (folder.prewarm.folder / "cat.png").write_bytes(b"a picture")
    folder.prewarm.manifest(
        '[[advanced]]\nid = "org/files"\ninclude = ["*"]\n'
        '[[wrapped]]\nname = "seen"\npath = "tox"\nsample = { image = "cat.png" }\nrequired = false\n'
    )
    folder.code(CODE.replace('{"data": mop_input.text}', '{"data": mop_input.image}'))
    result = folder.prewarm("--json")
    assert result.code == 0, result.out
    found = result.report["wrapped"][0]
    expected = len(base64.b64encode(b"a picture")) / 100 * 0.7
    assert found["answer"]["confidence_scores"]["hate"]["positive"] == pytest.approx(expected)
    assert result.report["entries"][0]["ready"]
    assert "1 of 1 entry ready, 1 of 1 wrapped model ready" in folder.prewarm("check").out
    folder.code("raise SystemExit(3)")
    assert folder.prewarm("--json").code == 0, "it is not required"
    only = folder.prewarm("check", "--only", "seen", "--json")
    assert [one["name"] for one in only.report["wrapped"]] == ["seen"]
    assert json.loads(only.out)["entries"] == []


def test_a_class_that_damages_its_folder_ends_nothing_else(folder: Folder, serve: Callable[..., Any]) -> None:
    serve(files={"a.txt": b"a"})
    prewarm = folder.prewarm
    manifest = (prewarm.folder / "prewarm.toml").read_text()
    prewarm.manifest('[[advanced]]\nid = "org/files"\ninclude = ["*"]\n' + manifest)
    folder.code(
        CODE.replace(
            "        with open(model_root",
            "        import os\n        os.remove('settings.yml')\n        with open(model_root",
        )
    )
    result = prewarm("--json")
    assert result.code == 1
    assert result.entry("org/files")["ready"]
    assert "has no settings.yml" in result.report["wrapped"][0]["error"]["message"]
    assert (prewarm.folder / "prewarm.lock").exists()


def test_what_a_nested_file_requires_is_refused_as_well(folder: Folder) -> None:
    folder.requirements("-r more.txt\n")
    (folder.path / "src" / "more.txt").write_text("--requirement=requirements.txt\ntinyscore>=1\n")
    found = folder.report("warm")
    assert "more.txt:2 names tinyscore, which is private" in found["error"]["message"]


def test_its_versions_are_in_the_history(folder: Folder) -> None:
    prewarm = folder.prewarm
    prewarm.manifest((prewarm.folder / "prewarm.toml").read_text() + '[settings]\nhistory = "prewarm.db"\n')
    assert prewarm("-q").code == 0
    assert prewarm("note", "tox", "as trained").code == 0
    (folder.path / "model" / "weights.txt").write_text("0.50")
    assert prewarm("-q").code == 0
    versions = json.loads(prewarm("history", "tox", "--json").out)["versions"]
    assert [len(one["commit"]) for one in versions] == [40, 40]
    assert [len(one["notes"]) for one in versions] == [1, 0]
    first, second = (one["commit"][:7] for one in versions)
    assert prewarm("history", "tox", "--compare", first, second).out.startswith(f"tox: {first} → {second}\n")
