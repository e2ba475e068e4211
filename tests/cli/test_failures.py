"""What cannot be made ready: one entry's failure with its kind and what to do, and the others go on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conftest import TOKEN, Prewarm, Result
from prewarm.localhub import LocalHub, Repository

MANIFEST = """
simple = [
  "zoo/text",
  "zoo/none",
  "zoo/text@no-such-branch",
  "zoo/no-model-type",
  "zoo/no-model-type-at-all",
  "zoo/unknown-model-type",
  "zoo/no-auto-model",
  "zoo/custom-code",
  "zoo/ctranslate2",
  "zoo/onnx",
  "zoo/gguf",
  "zoo/lost-layer",
  "org/gated",
  "org/private",
  "org/tensorflow",
]

[[advanced]]
id = "zoo/chat"
model_class = "AutoModelForCasualLM"

[[advanced]]
id = "zoo/custom-code-online"
trust_remote_code = true

[[advanced]]
id = "zoo/custom-code-dies"
trust_remote_code = true

[[advanced]]
id = "zoo/custom-code-spies"
trust_remote_code = true

[[advanced]]
id = "zoo/custom-code-with-data"
trust_remote_code = true
exclude = ["data/"]

[[advanced]]
id = "zoo/both"
variant = "fp8"

[[advanced]]
id = "zoo/bin-only"
use_safetensors = true

[[advanced]]
id = "zoo/subfolder"

[[advanced]]
id = "zoo/old-roberta"
processor_class = "AutoTokenizer"

[[advanced]]
id = "zoo/summaries"
model_class = "no_such_package:Model"

[[advanced]]
id = "zoo/masked-language"
model_class = "RobertaModel"

[[advanced]]
id = "zoo/whisper"
include = ["*.onnx"]

[[advanced]]
id = "zoo/image"
model_kwargs = { no_such_keyword = 1 }

[[advanced]]
id = "zoo/video"
required = false
model_class = "NoSuchModel"

[[advanced]]
id = "zoo/multimodal"
"""

EXPECTED = {
    "zoo/none": ("not-found", "there is no repository zoo/none", "look at the id"),
    "zoo/no-model-type": ("load-error", "names no model_type", 'model_class = "BertModel"'),
    "zoo/no-model-type-at-all": ("load-error", "neither model_type nor a class", "include ="),
    "zoo/unknown-model-type": (
        "load-error",
        "does not know the model type 'of_next_year'",
        "pip install -U transformers",
    ),
    "zoo/no-auto-model": (
        "load-error",
        "AutoModel has no class for EncoderDecoderConfig",
        'model_class = "EncoderDecoderModel"',
    ),
    "zoo/custom-code": (
        "needs-remote-code",
        "Python code of its own",
        '[[advanced]]\nid = "zoo/custom-code"\ntrust_remote_code = true',
    ),
    "zoo/ctranslate2": ("load-error", "CTranslate2", 'include = ["model.bin", "*.json", "*.txt"]'),
    "zoo/onnx": ("load-error", "ONNX files only", 'include = ["*.onnx", "*.json"]'),
    "zoo/gguf": ("load-error", "GGUF files only", 'include = ["tiny-q4.gguf", "*.json"]'),
    "zoo/lost-layer": ("load-error", "BertModel finds 16 of its weights nowhere", "incomplete"),
    "org/gated": ("gated", "its owner asks for consent", "set HF_TOKEN"),
    "org/private": ("not-found", "or it is private", "set HF_TOKEN"),
    "org/tensorflow": ("load-error", "TensorFlow files only", "include ="),
    "zoo/chat": ("load-error", "no class 'AutoModelForCasualLM'", "did you mean 'AutoModelForCausalLM'?"),
    "zoo/custom-code-online": ("load-error", "asks the network while it loads offline", "not ready for an offline"),
    "zoo/custom-code-dies": (
        "load-error",
        "the system killed the process that loaded it, most likely for want of memory",
        "load less",
    ),
    "zoo/custom-code-spies": ("load-error", "seen:", "look at the entry's classes"),
    "zoo/custom-code-with-data": ("load-error", "want data/labels.txt", "exclude leaves it out"),
    "zoo/both": ("not-found", "no weights of variant 'fp8'", "leave the key out"),
    "zoo/bin-only": ("unsafe", "use_safetensors is true", "leave use_safetensors out"),
    "zoo/subfolder": ("not-found", "no weights at its top, but in 'encoder'", 'subfolder = "encoder"'),
    "zoo/old-roberta": ("load-error", "of 5 tokens, where vocab.txt has 305", 'processor_class = "BertTokenizer"'),
    "zoo/summaries": (
        "load-error",
        "there is no package 'no_such_package'",
        "install the package that has 'no_such_package'",
    ),
    "zoo/masked-language": ("load-error", "weights nowhere", 'model_class = "BertForMaskedLM"'),
    "zoo/whisper": ("not-found", "no file of zoo/whisper matches *.onnx", "it has, for example"),
    "zoo/image": ("load-error", "no_such_keyword", "keywords"),
    "zoo/video": ("load-error", "no class 'NoSuchModel'", ""),
}


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory, zoo_hub: LocalHub) -> Result:
    for name, fields, files in (
        ("gated", {"gated": "auto"}, {"config.json": b"{}"}),
        ("private", {"private": True}, {"config.json": b"{}"}),
        ("tensorflow", {}, {"config.json": b'{"model_type": "bert"}', "tf_model.h5": b"h5"}),
    ):
        repository = Repository(repo_id=f"org/{name}", **fields)
        repository.commit(files)
        zoo_hub.add(repository)
    prewarm = Prewarm(tmp_path_factory.mktemp("failures"), zoo_hub.url)
    prewarm.manifest(MANIFEST)
    return prewarm("--json")


def entries(result: Result) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = result.report["entries"]
    return found


@pytest.mark.parametrize("repo_id", EXPECTED)
def test_the_failure_says_what_happened_and_what_to_do(failed: Result, repo_id: str) -> None:
    kind, message, hint = EXPECTED[repo_id]
    entry = failed.entry(repo_id)
    assert entry["status"] == "failed"
    error = entry["error"]
    assert error["kind"] == kind, error
    assert message in error["message"], error
    assert hint in error["hint"], error


def test_the_revision_that_is_not_there_is_named(failed: Result) -> None:
    entry = next(entry for entry in entries(failed) if entry["revision"] == "no-such-branch")
    assert entry["error"]["kind"] == "not-found"
    assert "no revision 'no-such-branch'" in entry["error"]["message"]


def test_the_others_go_on(failed: Result) -> None:
    assert failed.code == 1
    ready = [entry["id"] for entry in entries(failed) if entry["ready"]]
    assert ready == ["zoo/text", "zoo/multimodal"]


def test_no_traceback_is_shown(failed: Result) -> None:
    assert "Traceback" not in failed.err
    assert "Traceback" not in failed.out


@pytest.mark.models
def test_a_refused_model_costs_few_requests_and_what_has_arrived_is_kept(hub: LocalHub, prewarm: Prewarm) -> None:
    repository = hub.add(Repository(repo_id="org/new"))
    config = b'{"model_type": "of_next_year", "architectures": ["NextYear"]}'
    names = [f"model-{number:05}-of-00030.safetensors" for number in range(1, 31)]
    index = json.dumps({"weight_map": {name: name for name in names}}).encode()
    shards = {name: bytes([number]) * (17 << 20) for number, name in enumerate(names)}
    repository.commit({"config.json": config, "model.safetensors.index.json": index, **shards})
    # So slow that no shard is whole when the classes have said what they know.
    hub.bytes_per_s = 100_000
    prewarm.manifest('simple = ["org/new"]')
    result = prewarm("--json")
    assert result.entry("org/new")["error"]["kind"] == "load-error"
    requests = hub.log.metered()
    weights = [request for request in requests if ".safetensors" in request.path and "index" not in request.path]
    assert 0 < len(weights) <= 8, "they began to come, and no more of them than that"
    assert result.entry("org/new")["requests"] == len(requests) <= 8 + 3
    blobs = prewarm.home / "hub" / "models--org--new" / "blobs"
    assert list(blobs.glob("*.prewarm.incomplete")), "what has arrived is kept"
    assert {path.name for path in blobs.iterdir() if "." not in path.name}, "the small files are there"


def test_what_is_not_required_does_not_fail_the_run(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest(
        'simple = ["zoo/text"]\n[[advanced]]\nid = "zoo/none"\nrequired = false\n[settings]\nproof = "files"\n'
    )
    result = zoo_prewarm()
    assert result.code == 0
    assert "not-found (not required)" in result.out


def test_the_proof_has_a_time_limit_and_the_next_entry_gets_a_new_worker(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest(
        '[[advanced]]\nid = "zoo/custom-code-hangs"\ntrust_remote_code = true\n[[advanced]]\nid = "zoo/text"\n'
    )
    result = zoo_prewarm("--json", "--proof-timeout", "20s")
    assert result.entry("zoo/custom-code-hangs")["error"]["kind"] == "timeout"
    assert result.entry("zoo/text")["status"] == "proven"


def test_the_token_is_neither_shown_nor_given_to_the_models_code(zoo_prewarm: Prewarm, zoo_hub: LocalHub) -> None:
    zoo_prewarm.manifest('[[advanced]]\nid = "zoo/custom-code-spies"\ntrust_remote_code = true\n')
    result = zoo_prewarm("-v", env={"HF_TOKEN": TOKEN, "MY_PROXY": f"http://user:{TOKEN}@proxy"})
    assert "seen:" in result.out
    assert TOKEN not in result.out + result.err
    assert any(request.authorized for request in zoo_hub.log.all(containing="custom-code-spies"))
    for path in (zoo_prewarm.folder).rglob("*"):
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes(), path


def test_a_token_opens_what_is_gated(hub: LocalHub, prewarm: Prewarm) -> None:
    repository = hub.add(Repository(repo_id="org/gated", gated="manual"))
    repository.commit({"a.csv": b"1"})
    prewarm.manifest('[[advanced]]\nid = "org/gated"\ninclude = ["a.csv"]\n')
    refused = prewarm("--json")
    assert refused.entry("org/gated")["error"]["kind"] == "gated"
    assert len(hub.log.all(containing="/resolve/")) == 1, "the listing's word is a hint, the refusal of a file the fact"
    refused = prewarm("--json", env={"HF_TOKEN": TOKEN})
    assert refused.entry("org/gated")["error"]["kind"] == "gated"
    assert "accept the terms" in refused.entry("org/gated")["error"]["hint"]
    hub.access.members["org/gated"] = {"tester"}
    assert prewarm("--json", env={"HF_TOKEN": TOKEN}).entry("org/gated")["ready"]
    wrong = prewarm("--json", "--force", "--no-lock", env={"HF_TOKEN": "hf_wrong"}).entry("org/gated")["error"]
    assert wrong["kind"] == "unauthorized"
