"""``prewarm add`` and ``remove``: what is decided for a repository, why, and that it is what loads it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import own_code
from conftest import MINILM, TOKEN, Prewarm
from prewarm.authoring.addresses import parse
from prewarm.authoring.native import model_types
from prewarm.authoring.suggest import suggest
from prewarm.localhub import LocalHub, Repository
from prewarm.manifest import read, toml
from prewarm.plan import Known
from prewarm.records.errors import CommandError
from prewarm.records.listing import Digest, Listing, Repo, RepoFile

Serve = Callable[..., Repository]
SENTENCES = "sentence_transformers:SentenceTransformer"


def written(prewarm: Prewarm) -> dict[str, Any]:
    return toml.parse((prewarm.folder / "prewarm.toml").read_text())


def suggested(files: dict[str, Any], **said: Any) -> dict[str, Any]:
    """The keys for a repository of these files: those of JSON as what is in them, others by their size."""
    repo = Repo(repo_id="org/a")
    digest = Digest(algorithm="sha256", value="0" * 64)
    sizes = {path: content if isinstance(content, int) else 10 for path, content in files.items()}
    listed = tuple(RepoFile(path=path, size=size, digest=digest) for path, size in sizes.items())
    documents = {(repo, path): json.dumps(content).encode() for path, content in files.items()}
    known = Known(listings={repo: Listing(repo=repo, commit="c" * 40, files=listed, **said)}, documents=documents)
    return dict(suggest(repo, known, {"bert", "llama", "t5", "clip", "florence2"}).draft.keys)


BERT = {"model_type": "bert", "architectures": ["BertModel"]}
WEIGHTS = {"model.safetensors": 9}
TOKENS: dict[str, Any] = {"tokenizer.json": {}}


@pytest.mark.parametrize(
    ("files", "said", "keys"),
    [
        ({"config.json": BERT, **WEIGHTS, **TOKENS}, {}, {}),
        ({"config.json": BERT, **WEIGHTS}, {}, {"processor_class": False}),
        (
            {"config.json": {**BERT, "architectures": ["BertForSequenceClassification"]}, **WEIGHTS, **TOKENS},
            {},
            {"model_class": "AutoModelForSequenceClassification"},
        ),
        (
            {"config.json": {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]}, **WEIGHTS, **TOKENS},
            {},
            {"model_class": "T5ForConditionalGeneration"},
        ),
        (
            {"config.json": {"model_type": "llama"}, **WEIGHTS, **TOKENS},
            {"pipeline_tag": "text-generation"},
            {"model_class": "AutoModelForCausalLM"},
        ),
        (
            {"config.json": BERT, "model.fp16.safetensors": 9, **TOKENS},
            {},
            {"variant": "fp16"},
        ),
        # Code of its own, which transformers needs; and such code where transformers has the model itself.
        (
            {
                "config.json": {
                    "model_type": "own",
                    "architectures": ["OwnForCausalLM"],
                    "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnForCausalLM"},
                },
                **WEIGHTS,
                **TOKENS,
            },
            {},
            {"model_class": "AutoModelForCausalLM", "trust_remote_code": True},
        ),
        (
            {
                "config.json": {
                    "model_type": "florence2",
                    "architectures": ["Florence2ForConditionalGeneration"],
                    "auto_map": {"AutoModelForCausalLM": "modeling.Florence2"},
                },
                **WEIGHTS,
                **TOKENS,
            },
            {},
            {"model_class": "Florence2ForConditionalGeneration"},
        ),
        (
            {"modules.json": [{"type": "sentence_transformers.models.Transformer"}], "config.json": BERT, **WEIGHTS},
            {"made_for": "sentence-transformers"},
            {"model_class": SENTENCES},
        ),
        (
            {"modules.json": [{"type": "custom.Pooling"}], "config.json": BERT, **WEIGHTS},
            {},
            {"model_class": SENTENCES, "trust_remote_code": True},
        ),
        (
            {"modules.json": [{"type": "sentence_transformers.sparse_encoder.models.SpladePooling"}], **WEIGHTS},
            {},
            {"model_class": "sentence_transformers:SparseEncoder"},
        ),
        (
            {"config.json": {**BERT, "architectures": ["BertForSequenceClassification"]}, **WEIGHTS, **TOKENS},
            {"made_for": "sentence-transformers", "pipeline_tag": "text-ranking"},
            {"model_class": "sentence_transformers:CrossEncoder"},
        ),
        (
            {"modules.json": [], "config_setfit.json": {}, "config.json": BERT, **WEIGHTS},
            {"made_for": "setfit"},
            {"model_class": "setfit:SetFitModel"},
        ),
        (
            {"model_index.json": {"_class_name": "StableDiffusionPipeline"}, "unet/config.json": {}},
            {"made_for": "diffusers"},
            {"model_class": "diffusers:StableDiffusionPipeline"},
        ),
        (
            {"pytorch_lora_weights.safetensors": 9},
            {"made_for": "diffusers"},
            {"include": ["pytorch_lora_weights.safetensors"]},
        ),
        (
            {"adapter_config.json": {"task_type": "CAUSAL_LM", "base_model_name_or_path": "org/base"}},
            {"made_for": "peft"},
            {"model_class": "AutoModelForCausalLM"},
        ),
        (
            {"config.json": {"architecture": "resnet18"}, **WEIGHTS},
            {"made_for": "timm"},
            {"model_class": "timm:create_model", "model_args": ["hf_hub:{id}"], "model_kwargs": {"pretrained": True}},
        ),
        (
            {"open_clip_config.json": {}, "open_clip_model.safetensors": 9},
            {"made_for": "open_clip"},
            {"model_class": "open_clip:create_model_and_transforms", "model_args": ["hf-hub:{id}"]},
        ),
        (
            {"config.json": {}, "model.bin": 9, "tokenizer.json": {}, "vocabulary.json": 9},
            {},
            {"model_class": "faster_whisper:WhisperModel"},
        ),
        ({"config.json": {}, "model.bin": 9, "shared_vocabulary.json": 9}, {}, {"include": ["model.bin", "*.json"]}),
        ({"a-Q8_0.gguf": 9, "a-Q4_K_M.gguf": 5, "a-Q2_K.gguf": 2}, {}, {"include": ["a-Q4_K_M.gguf"]}),
        (
            {"a-Q4_K_M-00001-of-00002.gguf": 9, "a-Q4_K_M-00002-of-00002.gguf": 9, "mmproj-f16.gguf": 1},
            {},
            {"include": ["a-Q4_K_M-*-of-*.gguf"]},
        ),
        (
            {"onnx/model.onnx": 9, "onnx/model_quantized.onnx": 3, "config.json": BERT},
            {},
            {"include": ["onnx/model.onnx", "*.json"]},
        ),
        (
            {"openvino_model.xml": 9, "openvino_model.bin": 9, "config.json": BERT},
            {},
            {"include": ["*openvino_*", "*.json"]},
        ),
    ],
)
def test_what_is_written_for_a_kind_of_repository(
    files: dict[str, Any], said: dict[str, Any], keys: dict[str, Any]
) -> None:
    assert suggested(files, **said) == keys


@pytest.mark.parametrize(
    ("said", "repo", "path"),
    [
        ("gpt2", Repo(repo_id="gpt2"), ""),
        ("org/a", Repo(repo_id="org/a"), ""),
        ("org/a@v1", Repo(repo_id="org/a", revision="v1"), ""),
        ("https://huggingface.co/org/a", Repo(repo_id="org/a"), ""),
        ("https://huggingface.co/org/a/tree/refs%2Fpr%2F1", Repo(repo_id="org/a", revision="refs/pr/1"), ""),
        ("https://huggingface.co/org/a/blob/main/x/a.gguf?download=true", Repo(repo_id="org/a"), "x/a.gguf"),
        ("https://hf.co/org/a/resolve/v1/a.gguf", Repo(repo_id="org/a", revision="v1"), "a.gguf"),
        ("https://huggingface.co/gpt2/blob/main/config.json", Repo(repo_id="gpt2"), "config.json"),
        ("http://mirror.example/org/a", None, ""),
        ("hf.co/org/a/blob/main/config.json", Repo(repo_id="org/a"), "config.json"),
        ("org/a/", Repo(repo_id="org/a"), ""),
        ("https://huggingface.co/datasets/org/rows", Repo(repo_id="org/rows", repo_type="dataset"), ""),
        ("datasets/org/rows", Repo(repo_id="org/rows", repo_type="dataset"), ""),
        ("hf://org/a@v1", Repo(repo_id="org/a", revision="v1"), ""),
        ("hf://datasets/org/rows", Repo(repo_id="org/rows", repo_type="dataset"), ""),
        ("https://huggingface.co/spaces/org/a", None, ""),
        ("./models/a", None, ""),
        ("", None, ""),
    ],
)
def test_what_people_paste(said: str, repo: Repo | None, path: str) -> None:
    if repo is None:
        with pytest.raises(CommandError):
            parse(said)
    else:
        assert (parse(said).repo, parse(said).path) == (repo, path)


def test_transformers_still_says_which_models_it_has() -> None:
    pytest.importorskip("transformers")
    assert {"bert", "llama", "whisper"} <= set(model_types())


def test_every_kind_of_repository_loads_as_it_is_written(zoo_prewarm: Prewarm) -> None:
    ids = [MINILM, "zoo/chat", "zoo/image", "zoo/masked-language", "zoo/summaries", "zoo/whisper", "zoo/text"]
    ids += ["zoo/onnx", "zoo/gguf", "zoo/weights-only", "zoo/sentence-transformers", "zoo/multimodal"]
    done = zoo_prewarm("add", *ids)
    assert done.code == 0, done.err
    assert "the whole repository has" in done.out
    lock = (zoo_prewarm.folder / "prewarm.lock").read_text()
    assert all(f'id = "{one}"' in lock for one in ids), "resolved at once"
    assert zoo_prewarm("lock", "--check").code == 0
    warmed = zoo_prewarm("--json", "--locked")
    assert warmed.code == 0, warmed.out
    notes = [note for entry in warmed.report["entries"] for note in entry["notes"]]
    assert not [note for note in notes if "no processor" in note]
    again = zoo_prewarm("add", "zoo/text", "zoo/chat")
    assert again.code == 0
    assert again.out.count("is in the manifest already") == 2


def test_code_is_asked_for_and_never_taken_for_granted(prewarm: Prewarm, serve: Serve, own_weights: bytes) -> None:
    code = own_code.CODE + "import einops_that_is_not_there\nimport subprocess\n"
    serve("org/own", own_code.repository(own_weights, code))
    refused = prewarm("add", "org/own")
    assert refused.code == 1
    assert "needs-remote-code: it runs code of the repository: own.py, parts.py" in refused.err
    assert "try: read it, and if you trust it: prewarm add org/own --trust-remote-code" in refused.err
    assert not (prewarm.folder / "prewarm.toml").exists()
    done = prewarm("add", "org/own", "--trust-remote-code")
    assert done.code == 0
    assert "runs      own.py; it imports einops_that_is_not_there, torch, transformers; it names subprocess" in done.out
    assert "try: pip install einops_that_is_not_there" in done.out
    assert written(prewarm)["advanced"] == [{"id": "org/own", "trust_remote_code": True, "processor_class": False}]


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
def test_on_a_terminal_it_asks(prewarm: Prewarm, serve: Serve, own_weights: bytes, answer: str, code: int) -> None:
    serve("org/own", own_code.repository(own_weights))
    assert typed(prewarm, f"{answer}\n", "add", "org/own") == code
    assert (prewarm.folder / "prewarm.toml").exists() == (code == 0)


def typed(prewarm: Prewarm, answers: str, *args: str) -> int:
    """The exit code of a command on a terminal, with these lines typed."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        prewarm.command(*args), cwd=prewarm.folder, env=prewarm.environ, stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    os.write(master, answers.encode())
    code = process.wait(60)
    os.close(master)
    return code


@pytest.mark.parametrize(("answer", "taken"), [("", "a.Q4_K_M.gguf"), ("2", "a.Q8_0.gguf")])
def test_on_a_terminal_a_quantisation_is_chosen(prewarm: Prewarm, serve: Serve, answer: str, taken: str) -> None:
    serve("org/g", {"a.Q4_K_M.gguf": b"GGUF" + b"x" * 400, "a.Q8_0.gguf": b"GGUF" + b"x" * 900})
    assert typed(prewarm, f"{answer}\n", "add", "org/g") == 0
    assert written(prewarm)["advanced"] == [{"id": "org/g", "include": [taken]}]


def test_a_manifest_that_is_read_only_is_said_before_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from prewarm.operations.manifest_file import ManifestFile
    from prewarm.records.errors import ManifestError

    path = tmp_path / "prewarm.toml"
    path.write_text('simple = ["org/a"]\n')
    # Root may write everything.
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ManifestError, match="it is read-only") as told:
        ManifestFile(path)
    assert "chmod u+w" in told.value.hint


def test_quantisations_are_offered_and_one_can_be_named(prewarm: Prewarm, serve: Serve) -> None:
    serve("org/g", {"a.Q4_K_M.gguf": b"GGUF" + b"x" * 400, "a.Q8_0.gguf": b"GGUF" + b"x" * 900})
    done = prewarm("add", "org/g", "--dry-run")
    assert "a.Q8_0.gguf  904 B" in done.out
    assert not (prewarm.folder / "prewarm.toml").exists()
    assert prewarm("add", "org/g", "--file", "*Q8_0*").code == 0
    assert written(prewarm)["advanced"] == [{"id": "org/g", "include": ["*Q8_0*"]}]
    assert prewarm("add", "https://huggingface.co/org/g/blob/main/a.Q4_K_M.gguf", "--update").code == 0
    assert written(prewarm)["advanced"] == [{"id": "org/g", "include": ["a.Q4_K_M.gguf"]}]
    lost = prewarm("add", "org/g", "--file", "*.bin", "--update")
    assert lost.code == 1
    assert "no file of org/g matches *.bin" in lost.err


def test_comments_order_and_other_keys_stay(prewarm: Prewarm, serve: Serve) -> None:
    serve("org/a", {"config.json": b'{"model_type": "bert"}', "model.safetensors": b"x"}, license="mit")
    serve("org/b", {"x.gguf": b"GGUF"})
    text = '# ours\nsimple = [\n  "org/a",  # the first\n]\n\n[[advanced]]\nid = "org/b"\nname = "b"  # kept\n'
    prewarm.manifest(text + 'include = ["y"]\n\n[settings]\nworkers = 2\n')
    assert prewarm("add", "org/b", "--update").code == 0
    assert written(prewarm)["advanced"] == [{"id": "org/b", "name": "b", "include": ["x.gguf"]}]
    for kept in ("# ours", "# the first", "# kept", "workers = 2"):
        assert kept in (prewarm.folder / "prewarm.toml").read_text()


FORMS = {
    "tables in a list": 'advanced = [{ id = "org/old", include = ["x"] }, { id = "org/more", include = ["y"] }]\n',
    "one line": 'simple = ["org/old", "org/more"] # why\n',
    "dotted keys": 'settings.workers = 2\nsimple = ["org/old"]\n[[advanced]]\nid = "org/more"\ninclude = ["y"]\n',
    "tables in an odd order": '[settings]\nworkers = 2\n[[advanced]]\nid = "org/old"\ninclude = ["y"]\n'
    '[audit]\nignore = []\n[[advanced]]\nid = "org/more"\ninclude = ["z"]\n',
    "Windows lines": 'simple = [\r\n  "org/old",\r\n  "org/more",\r\n]\r\n',
    "only settings": "[settings]\nworkers = 2\n",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_however_it_is_written_nothing_is_lost(prewarm: Prewarm, serve: Serve, form: str) -> None:
    serve("org/gguf", {"x.gguf": b"GGUF"})
    serve("org/plain", {"config.json": b'{"model_type": "bert"}', "model.safetensors": b"x", "vocab.txt": b"x"})
    path = prewarm.folder / "prewarm.toml"
    path.write_bytes(form.encode())
    before = read.load(path, may_be_empty=True)
    done = prewarm("add", "org/gguf", "org/plain")
    assert done.code == 0, done.err
    after = read.load(path)
    assert {entry.id for entry in after.entries} == {entry.id for entry in before.entries} | {"org/gguf", "org/plain"}
    assert after.settings == before.settings
    assert path.read_text().count("#") == form.count("#")
    assert (b"\r\n" in path.read_bytes()) == ("\r\n" in form)
    assert path.read_bytes().count(b"\n") == path.read_bytes().count(b"\r\n") or "\r\n" not in form
    assert prewarm("add", "org/gguf", "--update", "--file", "*").code == 0
    assert next(entry for entry in read.load(path).entries if entry.id == "org/gguf").include == ("*",)
    assert prewarm("remove", "org/gguf", "org/plain").code == 0
    assert [entry.id for entry in read.load(path, may_be_empty=True).entries] == [entry.id for entry in before.entries]


@pytest.mark.parametrize("gone", [["org/a"], ["org/b"], ["org/a", "org/b"]])
def test_comments_of_others_stay_where_an_entry_goes(prewarm: Prewarm, gone: list[str]) -> None:
    prewarm.manifest(
        '# head\nsimple = ["org/s"]\n\n# about a\n[[advanced]]\nid = "org/a"\n[advanced.model_kwargs]\nx = 1\n\n'
        '# about b\n[[advanced]]\nid = "org/b"\n\n# the settings\n[settings]\nproof = "files"\n'
    )
    assert prewarm("remove", *gone).code == 0
    text = (prewarm.folder / "prewarm.toml").read_text()
    assert [entry.id for entry in read.load(prewarm.folder / "prewarm.toml").entries] == [
        one for one in ("org/s", "org/a", "org/b") if one not in gone
    ]
    assert "# the settings" in text
    assert "org/b" in gone or "# about b" in text


def test_an_entry_that_keeps_other_keys_is_locked_as_well(prewarm: Prewarm, serve: Serve) -> None:
    serve("org/g", {"x.gguf": b"GGUF"})
    prewarm.manifest('[[advanced]]\nid = "org/g"\nname = "g"\nrequired = false\n')
    assert prewarm("add", "org/g", "--update").code == 0
    assert prewarm("lock", "--check").code == 0
    assert 'id = "org/g"' in (prewarm.folder / "prewarm.lock").read_text()


@pytest.mark.parametrize("said", ["https://github.com/org/a", "https://example.com/org/a"])
def test_an_address_of_somewhere_else_is_refused(prewarm: Prewarm, said: str) -> None:
    done = prewarm("add", said)
    assert done.code == 2
    assert "is no address of the Hub" in done.err


def test_a_folder_that_is_not_there_is_said(prewarm: Prewarm) -> None:
    done = prewarm("add", "org/a", "-m", "none/prewarm.toml")
    assert done.code == 2
    assert "there is no folder none" in done.err


def test_gated_missing_and_unknown_are_named_and_the_others_written(
    prewarm: Prewarm, serve: Serve, hub: LocalHub
) -> None:
    files = {"config.json": b'{"model_type": "bert", "architectures": ["BertModel"]}', "model.safetensors": b"x"}
    serve("org/gated", files, gated="auto", license="llama3")
    serve("org/fine", files)
    done = prewarm("add", "org/gated", "org/fine", "org/not-there")
    assert done.code == 1
    assert "org/gated: gated: " in done.err
    assert "org/not-there: not-found: " in done.err
    assert written(prewarm)["advanced"] == [{"id": "org/fine", "processor_class": False}]
    hub.access.members["org/gated"] = {"tester"}
    done = prewarm("add", "org/gated", env={"HF_TOKEN": TOKEN})
    assert done.code == 0, done.err
    assert "license   llama3, gated: the token may read it" in done.out


@pytest.mark.parametrize("name", ["pyproject.toml", "other.toml"])
def test_into_another_file(prewarm: Prewarm, serve: Serve, name: str) -> None:
    serve("org/b", {"x.gguf": b"GGUF"})
    (prewarm.folder / name).write_text('[project]\nname = "app"\n' if name == "pyproject.toml" else "")
    assert prewarm("add", "org/b", "-m", name).code == 0
    said = toml.parse((prewarm.folder / name).read_text())
    found = said["tool"]["prewarm"] if name == "pyproject.toml" else said
    assert found["advanced"] == [{"id": "org/b", "include": ["x.gguf"]}]


def test_a_manifest_that_cannot_be_written_is_left_whole(prewarm: Prewarm, serve: Serve, tmp_path: Path) -> None:
    serve("org/b", {"x.gguf": b"GGUF"})
    prewarm.manifest("simple = [\n")
    done = prewarm("add", "org/b")
    assert done.code == 2
    assert "not valid TOML" in done.err
    assert (prewarm.folder / "prewarm.toml").read_text() == "simple = [\n"
    (prewarm.folder / "prewarm.toml").unlink()
    (prewarm.folder / "real.toml").write_text("# real\n")
    (prewarm.folder / "prewarm.toml").symlink_to("real.toml")
    assert prewarm("add", "org/b").code == 0
    assert (prewarm.folder / "prewarm.toml").is_symlink(), "what the link leads to was written"
    assert "org/b" in (prewarm.folder / "real.toml").read_text()


def test_a_manifest_that_somebody_changes_meanwhile_is_left(tmp_path: Path) -> None:
    from prewarm.authoring.draft import Draft
    from prewarm.operations.manifest_file import ManifestFile
    from prewarm.records.errors import ManifestError

    path = tmp_path / "prewarm.toml"
    path.write_text('simple = ["org/a"]\n')
    file = ManifestFile(path)
    file.add([Draft(id="org/b")])
    path.write_text('simple = ["org/a", "org/c"]\n')
    with pytest.raises(ManifestError, match="changed by another program"):
        file.write()
    assert path.read_text() == 'simple = ["org/a", "org/c"]\n'
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_removed_is_gone_from_both_and_what_it_leaves_is_told(prewarm: Prewarm, serve: Serve) -> None:
    for name in ("org/a", "org/b", "org/c"):
        serve(name, {"x.gguf": b"GGUF" + name.encode()})
    assert prewarm("add", "org/a", "org/b", "org/c").code == 0
    assert prewarm("-q").code == 0
    done = prewarm("remove", "org/b")
    assert done.code == 0
    assert "no entry needs org/b any more (9 B in the cache)" in done.out
    assert "try: hf cache rm model/org/b" in done.out
    assert [entry["id"] for entry in written(prewarm)["advanced"]] == ["org/a", "org/c"]
    assert "org/b" not in (prewarm.folder / "prewarm.lock").read_text()
    assert prewarm("lock", "--check").code == 0
    assert prewarm("remove", "org/x").code == 2
    assert prewarm("remove", "org/a", "org/c").code == 0, "the last one as well"
    assert prewarm("add", "org/b").code == 0, "and a manifest without entries takes a new one"
