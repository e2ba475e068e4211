"""``prewarm init``: a manifest to begin with, and what other lists name, taken over without running them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conftest import MINILM, Prewarm
from prewarm.authoring.takeover import take
from prewarm.manifest import read as manifests
from prewarm.manifest import toml
from prewarm.records.errors import ManifestError

SCRIPT = """
import os
os.remove("this would be run")
from transformers import AutoModel, AutoModelForCausalLM, AutoProcessor
SIMPLE_MODELS: list[str] = [
    "sentence-transformers/all-MiniLM-L6-v2",
    "gpt2",  # old
    os.environ["MODEL"],
]
ADVANCED_MODELS = {
    "microsoft/Florence-2-large": {
        "model_class": AutoModelForCausalLM, "processor_class": AutoProcessor, "trust_remote_code": True,
        "device": "cuda",
    },
    "short": dict(model_id="org/long", revision="v1"),
}
ADVANCED_MODELS2 = 3
MODELS = [("org/tuple", "T5ForConditionalGeneration", "AutoTokenizer"), {"name": "org/named", "dtype": "float16"}]
"""
BUILD = {
    "models": [
        {
            "id": "minilm",
            "name": "MiniLM",
            "huggingface_model": MINILM,
            "output_dir": "models/minilm",
            "check_files": ["model.onnx"],
            "task_type": "feature-extraction",
            "max_length": 256,
            "opset_version": 17,
            "required": True,
            "description": "for search",
        },
        {"id": "x", "huggingface_model": "org/x", "required": False, "colour": "red"},
        3,
    ]
}
DOCKERFILE = """
FROM python:3.11
# RUN hf download org/commented
RUN pip install x && hf download org/a --revision v1 --local-dir /models \\
    && huggingface-cli download org/b config.json model.safetensors --token $HF_TOKEN
RUN hf download --repo-type dataset org/rows --include "*.csv" "*.json" --exclude "big*"
RUN hf download "$MODEL"
"""


def keys(text: str, name: str) -> list[dict[str, Any]]:
    return [draft.table for draft in take(text, name).drafts]


def test_lists_of_a_script_are_taken_over_and_nothing_is_run() -> None:
    assert keys(SCRIPT, "download_models.py") == [
        {"id": "sentence-transformers/all-MiniLM-L6-v2"},
        {"id": "gpt2"},
        {
            "id": "microsoft/Florence-2-large",
            "model_class": "AutoModelForCausalLM",
            "trust_remote_code": True,
        },
        {"id": "org/long", "revision": "v1", "name": "short"},
        {"id": "org/tuple", "model_class": "T5ForConditionalGeneration", "processor_class": "AutoTokenizer"},
        {"id": "org/named", "dtype": "float16"},
    ]
    notes = take(SCRIPT, "download_models.py").notes
    assert any("an item of SIMPLE_MODELS is no constant" in note for note in notes)
    assert any("device is no key of an entry" in note for note in notes)


def test_a_text_file_of_ids() -> None:
    text = (
        "# models\n- org/a\norg/b@v2,\nhttps://huggingface.co/org/c/blob/main/x.gguf\n\nnot a model\ndatasets/org/d\n"
    )
    assert keys(text, "models.txt") == [
        {"id": "org/a"},
        {"id": "org/b", "revision": "v2"},
        {"id": "org/c", "include": ["x.gguf"]},
        {"id": "org/d", "repo_type": "dataset", "include": ["*"]},
    ]
    assert "models.txt:6: 'not a model' is no repository: left out" in take(text, "models.txt").notes


@pytest.mark.parametrize("name", ["Dockerfile", "fetch.sh", "build/Dockerfile.gpu"])
def test_download_lines(name: str) -> None:
    assert keys(DOCKERFILE, name) == [
        {"id": "org/a", "revision": "v1", "include": ["*"]},
        {"id": "org/b", "include": ["config.json", "model.safetensors"]},
        {"id": "org/rows", "repo_type": "dataset", "include": ["*.csv", "*.json"], "exclude": ["big*"]},
    ]
    notes = " ".join(take(DOCKERFILE, name).notes)
    assert "--local-dir /models" in notes
    assert "$MODEL is no constant" in notes


def test_odd_lines_of_a_dockerfile() -> None:
    text = (
        'RUN hf download \\\n  # why\n  org/a\nRUN ["hf", "download", "org/b", "x.bin"]\nRUN echo "hf download org/c"\n'
        "ARG M=org/d\nRUN hf download ${M} && hf download ${N:-org/e}\n"
    )
    assert [table["id"] for table in keys(text, "Dockerfile")] == ["org/a", "org/b", "org/d", "org/e"]


def test_what_a_models_json_has_and_an_entry_has_not_stands_beside_it(prewarm: Prewarm) -> None:
    (prewarm.folder / "models.json").write_text(json.dumps(BUILD))
    done = prewarm("init", "--from", "models.json")
    assert done.code == 0, done.err
    text = (prewarm.folder / "prewarm.toml").read_text()
    manifest = manifests.load(prewarm.folder / "prewarm.toml")
    first, second = manifest.entries
    assert (first.id, first.name, first.description) == (MINILM, "minilm", "for search")
    assert not second.required
    for line in ('# output_dir = "models/minilm"', '# check_files = ["model.onnx"]', "# opset_version = 17"):
        assert line in text
    assert text.index("# max_length = 256") < text.index('id = "org/x"'), "beside its own entry"
    assert (
        "note: models.json: models[0]: output_dir, check_files, task_type, max_length, opset_version has no" in done.err
    )
    assert "'colour'" in done.err or "colour is no key of an entry" in done.err
    assert "models[2] is no table" in done.err


def test_a_new_manifest_says_how_it_goes_on_and_takes_entries(prewarm: Prewarm) -> None:
    done = prewarm("init")
    assert done.code == 0
    assert "now: prewarm add ID" in done.out
    text = (prewarm.folder / "prewarm.toml").read_text()
    assert toml.parse(text) == {"simple": []}
    shown = "\n".join(line.removeprefix("# ") for line in text.splitlines() if "=" in line or line.startswith("# ["))
    (entry,) = manifests.parse(toml.parse(shown.replace("simple = [\n", "")), path=prewarm.folder).entries
    assert entry.trust_remote_code, "what stands there as an example is one"
    again = prewarm("init")
    assert again.code == 2
    assert "is there already" in again.err
    assert prewarm("check").code == 2
    assert "has no entries" in prewarm("check").err


def test_what_no_manifest_can_hold_is_left_out_and_the_others_stay(prewarm: Prewarm) -> None:
    text = (
        'SIMPLE_MODELS = ["org/a"]\nSIMPLE_MODELS += ["org/b"]\n'
        'ADVANCED_MODELS = [{"id": "org/c", "revision": "v 1"}, {"id": "org/d", "model_class": "no class!"},\n'
        '    {"id": "org/e", "required": "yes"}]\n'
    )
    (prewarm.folder / "a.py").write_text(text)
    done = prewarm("init", "--from", "a.py")
    assert done.code == 0, done.err
    entries = manifests.load(prewarm.folder / "prewarm.toml").entries
    assert [entry.id for entry in entries] == ["org/a", "org/b", "org/e"]
    assert "note: a.py:3: org/c: revision: 'v 1' is no revision: left out" in done.err
    assert "org/d: model_class: 'no class!' is no class name: left out" in done.err
    assert "required is no value that an entry can have" in done.err


def test_into_pyproject(prewarm: Prewarm) -> None:
    (prewarm.folder / "pyproject.toml").write_text('[project]\nname = "app"\n')
    (prewarm.folder / "ids.txt").write_text("org/a\n")
    assert prewarm("init", "-m", "pyproject.toml", "--from", "ids.txt").code == 0
    said = toml.parse((prewarm.folder / "pyproject.toml").read_text())
    assert said["tool"]["prewarm"]["simple"] == ["org/a"]
    assert prewarm("init", "-m", "pyproject.toml").code == 2


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.json", "{", "a.json is no JSON (line 1)"),
        ("a.json", '{"model": 3}', "has no list of models"),
        ("a.json", '{"models": [{"colour": "red"}]}', "names no model"),
        ("a.py", "def f(:", "cannot be read as Python (line 1)"),
        ("a.py", "x = 3", "names no model"),
        ("a.txt", "\0\0", "names no model"),
        ("a.txt", "", "names no model"),
        ("Dockerfile", "FROM x", "names no model"),
    ],
)
def test_what_names_nothing_is_said(prewarm: Prewarm, name: str, text: str, said: str) -> None:
    with pytest.raises(ManifestError, match=said.replace("(", r"\(").replace(")", r"\)")):
        take(text, name)
    (prewarm.folder / name).write_text(text)
    assert prewarm("init", "--from", name).code == 2
    assert not (prewarm.folder / "prewarm.toml").exists()


def test_a_list_that_is_not_there(prewarm: Prewarm) -> None:
    done = prewarm("init", "--from", "nothing.py")
    assert done.code == 2
    assert "nothing.py cannot be read: No such file" in done.err
