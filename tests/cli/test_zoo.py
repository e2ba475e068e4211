"""Every kind of repository, warmed in one run and proven offline."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import zoo as kinds
from conftest import MINILM, TESTS, Prewarm, Result
from prewarm.localhub import LocalHub, Repository, Request

TOKENIZER = {"tokenizer.json", "tokenizer_config.json"}
WORDS = {*TOKENIZER, "vocab.txt"}
MODEL = {"config.json", "model.safetensors"}
SHARDS = {
    "config.json",
    "generation_config.json",
    "model.safetensors.index.json",
    *(f"model-{number:05}-of-00005.safetensors" for number in range(1, 6)),
}
CODE = {"configuration_tiny.py", "modeling_tiny.py", "layers_tiny.py"}

EXPECTED: dict[str, tuple[str | None, str | None, set[str]]] = {
    MINILM: ("BertModel", "BertTokenizer", MODEL | WORDS | {"special_tokens_map.json"}),
    "zoo/text": ("BertModel", "BertTokenizer", MODEL | WORDS),
    "zoo/speech": ("Wav2Vec2Model", "Wav2Vec2FeatureExtractor", MODEL | {"preprocessor_config.json"}),
    "zoo/bin-only": ("BertModel", "BertTokenizer", {"config.json", "pytorch_model.bin"} | WORDS),
    "zoo/bin-sharded": (
        "BertModel",
        "BertTokenizer",
        {"config.json", "pytorch_model.bin.index.json", *(f"pytorch_model-0000{n}-of-00003.bin" for n in (1, 2, 3))}
        | WORDS,
    ),
    "zoo/both": ("BertModel", "BertTokenizer", MODEL | WORDS),
    "zoo/slow-bert": ("BertModel", "BertTokenizer", MODEL | {"vocab.txt"}),
    "zoo/slow-gpt2": (
        "GPT2Model",
        "GPT2Tokenizer",
        MODEL | {"generation_config.json", "vocab.json", "merges.txt"},
    ),
    "zoo/slow-t5": ("T5Model", "T5Tokenizer", MODEL | {"generation_config.json", "spiece.model"}),
    "zoo/slow-llama": (
        "LlamaModel",
        "LlamaTokenizer",
        SHARDS | {"tokenizer.model", "tokenizer_config.json", "chat_template.jinja"},
    ),
    "zoo/slow-xlm-roberta": ("XLMRobertaModel", "XLMRobertaTokenizer", MODEL | {"sentencepiece.bpe.model"}),
    "zoo/old-roberta": ("RobertaModel", "BertTokenizer", MODEL | {"vocab.txt"}),
    "zoo/old-gpt2": ("GPT2Model", "BertTokenizer", MODEL | {"generation_config.json", "vocab.txt"}),
    "zoo/image": ("ViTModel", "ViTImageProcessor", MODEL | {"preprocessor_config.json"}),
    "zoo/video": ("VideoMAEModel", "VideoMAEImageProcessor", MODEL | {"preprocessor_config.json"}),
    "zoo/multimodal": ("CLIPModel", "CLIPProcessor", MODEL | TOKENIZER | {"processor_config.json"}),
    "zoo/weights-only": ("BertModel", None, MODEL),
    "zoo/masked-language": ("BertModel", "BertTokenizer", MODEL | WORDS),
    "zoo/chat": ("LlamaForCausalLM", "TokenizersBackend", SHARDS | TOKENIZER | {"chat_template.jinja"}),
    "zoo/chat-templates": (
        "LlamaForCausalLM",
        "TokenizersBackend",
        SHARDS | TOKENIZER | {"chat_template.jinja", "additional_chat_templates/tools.jinja"},
    ),
    "zoo/summaries": (
        "T5ForConditionalGeneration",
        "TokenizersBackend",
        MODEL | TOKENIZER | {"generation_config.json"},
    ),
    "zoo/whisper": (
        "WhisperForConditionalGeneration",
        "WhisperProcessor",
        MODEL | TOKENIZER | {"generation_config.json", "preprocessor_config.json"},
    ),
    "zoo/variant": ("BertModel", "BertTokenizer", {"config.json", "model.fp16.safetensors"} | WORDS),
    "zoo/variant-sharded": (
        "LlamaForCausalLM",
        "TokenizersBackend",
        {"config.json", "generation_config.json", "model.safetensors.index.fp16.json"}
        | {f"model.fp16-{number:05}-of-00005.safetensors" for number in range(1, 6)}
        | TOKENIZER,
    ),
    "zoo/subfolder": (
        "BertModel",
        "BertTokenizer",
        {f"encoder/{name}" for name in MODEL} | {f"tokenizer/{name}" for name in WORDS},
    ),
    "zoo/custom-code": ("TinyModel", None, MODEL | CODE),
    "zoo/custom-code-elsewhere": ("TinyModel", None, MODEL),
    "zoo/custom-code-with-data": ("TinyModel", None, MODEL | CODE | {"data/labels.txt"}),
    "zoo/no-model-type": ("BertModel", "BertTokenizer", MODEL | WORDS),
    "zoo/no-auto-model": ("EncoderDecoderModel", "BertTokenizer", MODEL | WORDS | {"generation_config.json"}),
    "zoo/adapter": (
        "LlamaForCausalLM",
        "TokenizersBackend",
        {"adapter_config.json", "adapter_model.safetensors"},
    ),
    "zoo/sentence-transformers": (
        "SentenceTransformer",
        None,
        MODEL
        | TOKENIZER
        | {"modules.json", "config_sentence_transformers.json", "sentence_bert_config.json", "README.md"}
        | {"1_Pooling/config.json", "2_Dense/config.json", "2_Dense/model.safetensors", "3_Normalize/config.json"},
    ),
    "zoo/gguf": (None, None, {"tiny-q4.gguf"}),
    "zoo/onnx": (None, None, {"onnx/model.onnx"}),
    "zoo/table": (None, None, {"train.csv"}),
}
"""Entry, to the classes that have to be loaded (or the start of their names), and exactly the files to be fetched."""


class Warm:
    """The one run that the tests of this module look at."""

    def __init__(self, prewarm: Prewarm, result: Result, requests: list[Request]) -> None:
        self.prewarm = prewarm
        self.result = result
        self.requests = requests


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory, zoo_hub: LocalHub) -> Warm:
    prewarm = Prewarm(tmp_path_factory.mktemp("zoo-run"), zoo_hub.url)
    prewarm.manifest((TESTS / "zoo.toml").read_text())
    seen = len(zoo_hub.log.all())
    result = prewarm("--json")
    assert result.code == 0, result.out + result.err
    return Warm(prewarm, result, zoo_hub.log.all()[seen:])


def snapshot(cache: Path, repo_id: str, repo_type: str = "model") -> Path:
    folder = cache / f"{repo_type}s--{repo_id.replace('/', '--')}"
    commit = (folder / "refs" / "main").read_text()
    return folder / "snapshots" / commit


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_every_kind_is_in_the_manifest(warm: Warm) -> None:
    ids = {entry["id"] for entry in warm.result.report["entries"]}
    assert ids == set(EXPECTED)


@pytest.mark.parametrize("repo_id", EXPECTED)
def test_the_kind_loads_as_its_classes_without_the_network(warm: Warm, repo_id: str) -> None:
    entry = warm.result.entry(repo_id)
    model, processor, _ = EXPECTED[repo_id]
    if model is None:
        assert (entry["status"], entry["ready"], entry["proof"]) == ("cached", True, None)
        return
    assert entry["status"] == "proven", entry
    proof = entry["proof"]
    assert proof["model"] == model
    # Older transformers give some tokenizers the name of their backend.
    if proof["processor"] == "TokenizersBackend":
        processor = processor and "TokenizersBackend"
    # Without torchvision, image processors are classes of the same name with Pil behind it.
    assert (proof["processor"] or "").removesuffix("Pil") == (processor or "")
    assert proof["network_attempts"] == 0
    assert proof["parameters"] > 0


@pytest.mark.parametrize("repo_id", EXPECTED)
def test_exactly_the_needed_files_are_there(warm: Warm, repo_id: str) -> None:
    repo_type = "dataset" if repo_id == "zoo/table" else "model"
    assert files_below(snapshot(warm.prewarm.cache, repo_id, repo_type)) == EXPECTED[repo_id][2]


def test_each_file_cost_one_metered_request(warm: Warm) -> None:
    metered = [request for request in warm.requests if request.bucket in ("api", "resolvers")]
    report = warm.result.report
    assert report["totals"]["requests"] == len(metered)
    resolved = [request.path for request in metered if "/resolve/" in request.path]
    assert len(resolved) == len(set(resolved)), "no file is asked for twice, whichever entries share it"
    listings = [request for request in metered if "/resolve/" not in request.path]
    repositories = {*EXPECTED, "zoo/code"}
    # The one whose code opens a file that no rule knows is listed once; so is every other.
    assert len(listings) == len(repositories)
    assert {request.method for request in metered} == {"GET"}


def test_what_the_proof_missed_was_fetched_and_said(warm: Warm) -> None:
    entry = warm.result.entry("zoo/custom-code-with-data")
    assert any("data/labels.txt" in note for note in entry["notes"])
    assert 'path = "data/labels.txt"' in (warm.prewarm.folder / "prewarm.lock").read_text()


def test_a_wrong_tokenizer_is_replaced_and_said(warm: Warm) -> None:
    for repo_id, count in (("zoo/old-roberta", 5), ("zoo/old-gpt2", 1)):
        notes = " ".join(warm.result.entry(repo_id)["notes"])
        assert f"of {count} tokens, where vocab.txt has 305: BertTokenizer is used instead" in notes


def test_a_new_head_is_reported_and_passes(warm: Warm) -> None:
    proof = warm.result.entry("zoo/masked-language")["proof"]
    assert proof["missing_keys"] == ["pooler.dense.bias", "pooler.dense.weight"]
    assert any(key.startswith("cls.") for key in proof["unexpected_keys"])


def test_the_bases_and_the_code_of_others_are_there(warm: Warm) -> None:
    assert files_below(snapshot(warm.prewarm.cache, "zoo/code")) == CODE
    assert files_below(snapshot(warm.prewarm.cache, "zoo/chat")) >= SHARDS


def test_huggingface_hub_finds_nothing_wrong(warm: Warm) -> None:
    from huggingface_hub import scan_cache_dir

    found = scan_cache_dir(warm.prewarm.cache)
    assert not found.warnings
    assert {repo.repo_id for repo in found.repos} == {*EXPECTED, "zoo/code"}
    run = "import sys; from huggingface_hub.cli.hf import main; sys.argv = ['hf', *{args}]; main()"
    for repo_id in (MINILM, "zoo/chat", "zoo/bin-sharded"):
        verified = warm.prewarm.python(run.format(args=["cache", "verify", repo_id]))
        assert verified.code == 0, verified.out + verified.err
        assert "All checksums match" in verified.out
    listed = warm.prewarm.python(run.format(args=["cache", "ls", "--format", "json"]))
    assert {(row.get("id") or row["repo_id"]).removeprefix("model/") for row in json.loads(listed.out)} >= {
        MINILM,
        "zoo/adapter",
    }


def test_blobs_are_linked_relatively(warm: Warm) -> None:
    pointer = snapshot(warm.prewarm.cache, "zoo/text") / "model.safetensors"
    assert pointer.is_symlink()
    assert not pointer.readlink().is_absolute()
    assert pointer.resolve().parent.name == "blobs"


def test_the_application_finds_everything_offline(warm: Warm) -> None:
    code = """
import json
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoModelForCausalLM, AutoProcessor, AutoTokenizer, T5ForConditionalGeneration
sentences = SentenceTransformer("zoo/sentence-transformers", device="cpu")
print(json.dumps({
    "clip": type(AutoProcessor.from_pretrained("zoo/multimodal")).__name__,
    "t5": type(T5ForConditionalGeneration.from_pretrained("zoo/summaries")).__name__,
    "templates": sorted(AutoTokenizer.from_pretrained("zoo/chat-templates").chat_template),
    "eos": AutoModelForCausalLM.from_pretrained("zoo/chat").generation_config.eos_token_id,
    "adapter": any("lora" in name for name, _ in AutoModelForCausalLM.from_pretrained("zoo/adapter").named_parameters()),
    "code": type(AutoModel.from_pretrained("zoo/custom-code-elsewhere", trust_remote_code=True)).__name__,
    "modules": [type(module).__name__ for module in sentences],
    "width": sentences.encode(["word1 word2"]).shape[1],
}))
"""
    done = warm.prewarm.python(code, HF_HUB_OFFLINE="1", HF_ENDPOINT="http://127.0.0.1:9")
    assert done.code == 0, done.err
    assert json.loads(done.out) == {
        "clip": "CLIPProcessor",
        "t5": "T5ForConditionalGeneration",
        "templates": ["default", "tools"],
        "eos": 3,
        "adapter": True,
        "code": "TinyModel",
        "modules": ["Transformer", "Pooling", "Dense", "Normalize"],
        "width": 8,
    }


def test_the_second_run_asks_nothing(warm: Warm, zoo_hub: LocalHub) -> None:
    seen = len(zoo_hub.log.all())
    again = warm.prewarm("--json", "--locked")
    assert again.code == 0, again.out + again.err
    assert zoo_hub.log.all()[seen:] == []
    totals = again.report["totals"]
    assert (totals["requests"], totals["downloaded_bytes"], totals["missing_files"]) == (0, 0, 0)
    for repo_id, (model, _, _) in EXPECTED.items():
        if model is not None:
            assert again.entry(repo_id)["proof"]["model"] == model
            assert again.entry(repo_id)["status"] == "proven"


def test_the_real_model_embeds_as_the_package_does(warm: Warm, minilm: Path) -> None:
    code = """
import sys
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer
import torch
def embed(name):
    tokenizer, model = AutoTokenizer.from_pretrained(name), AutoModel.from_pretrained(name)
    with torch.no_grad():
        return model(**tokenizer("a sentence to embed", return_tensors="pt")).last_hidden_state
print(torch.equal(embed(sys.argv[1]), embed(sys.argv[2])))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, MINILM, str(minilm)],
        env={**warm.prewarm.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "True", done.stderr


def test_the_zoo_has_what_must_not_be_fetched() -> None:
    """Or the tests above would not see it."""
    assert {"tf_model.h5", "onnx/model.onnx", "original/consolidated.00.pth", "README.md"} <= set(kinds.LEFTOVERS)
    assert shutil.which("git")
    unneeded: set[Any] = set(kinds.LEFTOVERS) & EXPECTED["zoo/text"][2]
    assert not unneeded


@pytest.mark.models
def test_proving_does_not_need_memory_of_the_models_size(tmp_path: Path, hub: LocalHub, prewarm: Prewarm) -> None:
    """800 MB of safetensors stay memory-mapped."""
    from transformers import BertConfig, BertModel

    folder = tmp_path / "large"
    config = BertConfig(
        vocab_size=3_000_000, hidden_size=64, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    BertModel(config).save_pretrained(folder)
    size = (folder / "model.safetensors").stat().st_size
    assert size > 750_000_000
    repository = Repository(repo_id="org/large")
    repository.commit_folder(folder)
    hub.add(repository)
    prewarm.manifest('simple = ["org/large"]\n')
    report = prewarm("--json")
    assert report.code == 0, report.out + report.err
    assert report.entry("org/large")["proof"]["peak_rss_bytes"] < size
