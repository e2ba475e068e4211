"""What a user writes into prewarm.toml, and what is said where it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Prewarm
from prewarm.localhub import LocalHub
from prewarm.manifest import read as manifests
from prewarm.records.entry import Manifest
from prewarm.records.errors import ManifestError

ROOT = Path(__file__).parents[2]


def load(folder: Path, text: str, name: str = "prewarm.toml") -> Manifest:
    (folder / name).write_text(text, encoding="utf-8")
    return manifests.load(folder / name)


def test_simple_and_advanced_entries(tmp_path: Path) -> None:
    manifest = load(
        tmp_path,
        """
simple = ["org/a", "b@v1.0", "org/c@refs/pr/1"]

[[advanced]]
id = "org/d"
name = "four"
description = "the fourth"
revision = "dev"
model_class = "my.module:Model"
processor_class = false
trust_remote_code = true
code_revision = "main"
required = false
subfolder = "unet/"
variant = "fp16"
dtype = "bfloat16"
use_safetensors = true
model_kwargs = { attn_implementation = "eager" }
processor_kwargs = { padding_side = "left" }
exclude = ["*.onnx"]
proof = "files"

[[advanced]]
id = "org/rows"
repo_type = "dataset"
include = ["*.csv", "data/"]

[settings]
workers = 4
""",
    )
    a, b, c, d, rows = manifest.entries
    assert (a.id, a.revision, a.place) == ("org/a", "main", "simple[0]")
    assert (b.id, b.revision) == ("b", "v1.0")
    assert c.revision == "refs/pr/1"
    assert (d.name, d.model_class, d.processor_class, d.required) == ("four", "my.module:Model", False, False)
    assert (d.subfolder, d.variant, d.dtype, d.use_safetensors) == ("unet", "fp16", "bfloat16", True)
    assert dict(d.model_kwargs) == {"attn_implementation": "eager"}
    assert (d.exclude, d.proof, d.place) == (("*.onnx",), "files", "advanced[0]")
    assert (rows.repo_type, rows.include, rows.loads_model, rows.loads_processor) == (
        "dataset",
        ("*.csv", "data/"),
        False,
        False,
    )
    assert manifest.settings == {"workers": 4}


BAD = {
    'simpel = ["a/b"]': ("simpel: unknown key", "did you mean 'simple'?"),
    'simple = "a/b"': ("simple: expected a list of ids, not a string", ""),
    "simple = [1]": ("simple[0]: expected a string", "tables belong under [[advanced]]"),
    'simple = ["a/b", "a/b"]': ("simple[1]: 'a/b' at 'main' is also simple[0]", "keep one"),
    'simple = ["a/b"]\n[[advanced]]\nid = "a/b"\ntrust_remote_code = true': (
        "advanced[0]: 'a/b' at 'main' is also simple[0]",
        "keep one",
    ),
    'simple = ["a/b/c"]': ("simple[0]: 'a/b/c' is no repository id", "namespace/name"),
    'simple = ["https://huggingface.co/org/name/tree/main"]': ("is no repository id", "did you mean 'org/name'?"),
    'simple = ["../models/mine"]': ("is no repository id", "a folder on disk needs no warming"),
    'simple = ["a/b@"]': ("simple[0]: '' is empty", ""),
    'simple = ["a/b@../../x"]': ("simple[0]: '../../x' is no revision", "a branch, a tag or a commit"),
    'simple = ["a/--b"]': ("is no repository id", ""),
    "[[advanced]]\n": ("advanced[0]: there is no id", 'id = "namespace/name"'),
    '[[advanced]]\nid = "a/b@main"': ("advanced[0].id: an id with a revision", "use 'revision'"),
    '[[advanced]]\nid = "a/b"\n[[advanced]]\nid = "c/d"\ntrust_remote_cod = true': (
        "advanced[1].trust_remote_cod: unknown key",
        "did you mean 'trust_remote_code'?",
    ),
    '[[advanced]]\nid = "a/b"\ntrust_remote_code = "yes"': (
        "advanced[0].trust_remote_code: expected true or false, not a string",
        "",
    ),
    '[[advanced]]\nid = "a/b"\nmodel_class = true': ("expected the name of a class, or false, not a boolean", ""),
    '[[advanced]]\nid = "a/b"\nmodel_class = "Auto Model"': ("'Auto Model' is no class name", "package.module:Class"),
    '[[advanced]]\nid = "a/b"\ninclude = []': ("advanced[0].include: the list is empty", "leave the key out"),
    '[[advanced]]\nid = "a/b"\nsubfolder = "../x"': ("is no folder of a repository", ""),
    '[[advanced]]\nid = "a/b"\nrepo_type = "space"': ('expected "model" or "dataset"', ""),
    '[[advanced]]\nid = "a/b"\nrepo_type = "dataset"\nmodel_class = "X"': ("a dataset is files only", "leave it out"),
    '[[advanced]]\nid = "a/b"\nmodel_class = false\nprocessor_class = false': (
        "neither model nor processor",
        'include = ["*.onnx"]',
    ),
    '[[advanced]]\nid = "a/b"\nmodel_kwargs = { token = "hf_x" }': (
        "advanced[0].model_kwargs.token: not for a manifest",
        "HF_TOKEN",
    ),
    '[[advanced]]\nid = "a/b"\nmodel_kwargs = { torch_dtype = "auto" }': ("a key of the entry itself", "dtype = …"),
    'simple = ["a/b"]\n[settings]\nworker = 3': ("settings.worker: unknown key", "did you mean 'workers'?"),
    'simple = ["a/b"]\n[settings]\nworkers = 0': ("settings.workers: expected a whole number from 1 to 64", ""),
    'simple = ["a/b"]\n[settings]\nmax_wait = "soon"': ("settings.max_wait: expected a duration", ""),
    'simple = ["a/b"]\n[settings]\nproof = "maybe"': ('settings.proof: expected "load" or "files"', ""),
    'simple = ["a/b"]\nsettings = 3': ("settings: expected a table, not a number", ""),
    "simple = [": ("prewarm.toml is not valid TOML: invalid value (at end of document)", ""),
    'simple = ["a/b"]\nwrong line\n': ("(at line 2, column 7)", ""),
    "": ("prewarm.toml has no entries", "add one: simple ="),
}


@pytest.mark.parametrize("text", BAD)
def test_bad_input_ends_with_one_clear_error_and_no_request(
    text: str, tmp_path: Path, hub: LocalHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from prewarm.cli.main import main

    (tmp_path / "prewarm.toml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
    assert main([]) == 2
    message, hint = BAD[text]
    shown = capsys.readouterr()
    assert shown.out == ""
    first, _, rest = shown.err.partition("\n")
    assert first.startswith("error: ")
    assert message in first
    assert hint in rest
    assert not hint or rest.startswith("  try: ")
    assert hub.log.all() == []


def test_no_manifest_says_what_to_type(prewarm: Prewarm) -> None:
    result = prewarm()
    assert result.code == 2
    assert "there is no prewarm.toml" in result.err
    (prewarm.folder / "app.py").write_text('from transformers import AutoModel\nAutoModel.from_pretrained("org/a")\n')
    said = result.err.split("try: prewarm ", 1)[1].split(" finds", 1)[0]
    assert prewarm(*said.split()).code == 0
    assert len(manifests.load(prewarm.folder / "prewarm.toml").entries) == 1


def test_pyproject_is_a_manifest_too(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "app"\n[tool.prewarm]\nsimple = ["org/a"]\n')
    assert [entry.id for entry in manifests.load(manifests.find(tmp_path)).entries] == ["org/a"]
    (tmp_path / "prewarm.toml").write_text('simple = ["org/b"]\n')
    assert [entry.id for entry in manifests.load(tmp_path).entries] == ["org/b"]


def test_an_error_in_pyproject_names_its_table(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"^tool\.prewarm\.simple\[0\]: "):
        load(tmp_path, "[tool.prewarm]\nsimple = [3]\n", name="pyproject.toml")


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="there is no manifest at"):
        manifests.load(tmp_path / "other.toml")
    (tmp_path / "prewarm.toml").write_bytes(b'simple = ["\xff"]')
    with pytest.raises(ManifestError, match=r"is not UTF-8 \(byte 11\)"):
        manifests.load(tmp_path / "prewarm.toml")


def test_the_manifest_at_the_top_of_the_project_is_valid() -> None:
    manifest = manifests.load(ROOT / "prewarm.toml")
    assert any(entry.place.startswith("simple") for entry in manifest.entries)
    assert any(entry.trust_remote_code for entry in manifest.entries)
