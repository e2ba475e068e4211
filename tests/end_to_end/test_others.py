"""Classes of other libraries, with the real libraries: proven, and loaded offline by the application's own calls."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import TESTS, Prewarm, Result
from prewarm.localhub import LocalHub
from prewarm.localhub.repository import from_folder
from prewarm.worker.opened import Opened

pytestmark = pytest.mark.exhaustive

LATER = """\
from transformers import BarkProcessor, Wav2Vec2ForCTC
BarkProcessor.from_pretrained("others/voices")._load_voice_preset("en")
Wav2Vec2ForCTC.from_pretrained("others/languages").load_adapter("fra")
"""
"""What the loads of the entries do not ask for."""

CALLS = {
    "others/diffusion": """
import diffusers
pipe = diffusers.StableDiffusionPipeline.from_pretrained(
    "others/diffusion", variant="fp16", torch_dtype=torch.float16)
print(sorted(pipe.components), total(pipe.unet), total(pipe.vae), total(pipe.text_encoder), pipe.tokenizer("word1"))""",
    "others/static": """
from sentence_transformers import SentenceTransformer
print(numbers(SentenceTransformer("others/static", device="cpu").encode("word1 word2")))""",
    "sentences": """
from sentence_transformers import SentenceTransformer
print(numbers(SentenceTransformer("others/sentences", device="cpu").encode("word1 word2")))""",
    "others/router": """
from sentence_transformers import SentenceTransformer
model = SentenceTransformer("others/router", device="cpu")
print(numbers(model.encode_query("word1 word2")), numbers(model.encode_document("word3")))""",
    "others/own-module": """
from sentence_transformers import SentenceTransformer
model = SentenceTransformer("others/own-module", device="cpu", trust_remote_code=True)
print(type(model[0]).__name__, numbers(model.encode("word1 word2")))""",
    "others/few-shot": """
from setfit import SetFitModel
model = SetFitModel.from_pretrained("others/few-shot")
print(numbers(model.predict_proba(["word1", "word2"]).flatten()))""",
    "others/whisper": """
import numpy
from faster_whisper import WhisperModel
model = WhisperModel("others/whisper", device="cpu", compute_type="float32")
print(model.hf_tokenizer.get_vocab_size(), numbers(numpy.array(model.encode(numpy.ones((80, 3000), "float32"))).flatten()))""",
    "others/adapter": """
import peft, transformers
model = peft.AutoPeftModelForCausalLM.from_pretrained("others/adapter")
tokens = transformers.AutoTokenizer.from_pretrained("others/adapter")("word1 word2", return_tensors="pt")
print(numbers(model(**tokens).logits.flatten()))""",
    "others/vectors": """
import model2vec
print(numbers(model2vec.StaticModel.from_pretrained("others/vectors").encode(["word1 word2"]).flatten()))""",
    "others/blip": """
import transformers
processor = transformers.AutoProcessor.from_pretrained("others/blip")
model = transformers.InstructBlipForConditionalGeneration.from_pretrained("others/blip")
print(type(processor.qformer_tokenizer).__name__, processor.qformer_tokenizer("word1 word2"), total(model))""",
    "others/talker": """
import transformers
pipe = transformers.pipeline("text-to-speech", model="others/talker")
print(total(pipe.model), total(pipe.vocoder), pipe.tokenizer("word"))""",
    "others/voices": """
import transformers
processor = transformers.AutoProcessor.from_pretrained("others/voices")
print(type(processor).__name__, numbers(processor._load_voice_preset("en")["fine_prompt"].flatten()))
print(total(transformers.AutoModel.from_pretrained("others/voices")))""",
    "others/languages": """
import transformers
model = transformers.Wav2Vec2ForCTC.from_pretrained("others/languages")
before = total(model)
model.load_adapter("fra")
print(before, total(model))""",
    "others/dialogue": """
import transformers
processor = transformers.DiaProcessor.from_pretrained("others/dialogue")
model = transformers.DiaForConditionalGeneration.from_pretrained("others/dialogue")
print(total(processor.audio_tokenizer), total(model), processor(text=["[S1] word1"])["input_ids"])""",
    "others/segments": """
import transformers
print(transformers.AutoImageProcessor.from_pretrained("others/segments").metadata)""",
    "others/table": """
import datasets, huggingface_hub
print(datasets.load_dataset(huggingface_hub.snapshot_download("others/table", repo_type="dataset"))["train"][7])""",
    "others/base": """
import os, huggingface_hub
print(sorted(os.listdir(huggingface_hub.snapshot_download("others/base", allow_patterns=["*.json"])))[:2])""",
}
"""The application's own calls, and what they give."""

START = """
import contextlib, io, json, sys, warnings
warnings.simplefilter("ignore")
import torch
def total(model): return round(float(sum(weight.double().abs().sum() for weight in model.parameters())), 4)
def numbers(values): return [round(float(value), 4) for value in list(values)[:8]]
found = {}
for name, code in json.load(open(sys.argv[1])).items():
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), torch.no_grad():
            exec(code, {"torch": torch, "total": total, "numbers": numbers})
        found[name] = said.getvalue()
    except Exception as error:
        found[name] = f"{type(error).__name__}: {error}"
json.dump(found, open(sys.argv[2], "w"))
"""


@dataclass(frozen=True)
class World:
    """What prewarm did, and what the calls gave: directly, and then offline."""

    result: Result
    directly: dict[str, str]
    offline: dict[str, str]
    opened: set[str]
    unopened: set[str]
    metered: int
    later: int


def outputs(prewarm: Prewarm, **env: str) -> dict[str, str]:
    folder = prewarm.folder
    (folder / "calls.json").write_text(json.dumps(CALLS))
    (folder / "start.py").write_text(START)
    run = "import sys; sys.argv = ['', 'calls.json', 'found.json']; exec(open('start.py').read())"
    done = prewarm.python(run, PYTHONWARNINGS="ignore", **env)
    assert done.code == 0, done.err
    found: dict[str, str] = json.loads((folder / "found.json").read_text())
    return found


@pytest.fixture(scope="module")
def world(others: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    repositories = from_folder(others)
    for repository in repositories:
        if repository.repo_id == "others/base":
            repository.tags["v1"] = repository.branches["main"]
    with LocalHub(repositories) as hub:
        folder = tmp_path_factory.mktemp("others")
        prewarm = Prewarm(folder, hub.url)
        text = (TESTS / "others.toml").read_text().replace('"python"', f'"{sys.executable}"')
        prewarm.manifest(text)
        (folder / "later.py").write_text(LATER)
        result = prewarm("--json")
        metered = len(hub.log.metered())
        hub.log.clear()
        again = prewarm("--json")
        assert again.code == result.code
        later = len(hub.log.all())
        blobs = [path for path in prewarm.cache.glob("*/blobs/*") if path.stat().st_size > 10_000]
        with Opened() as watching:
            for blob in blobs:
                watching.watch(blob)
            offline = outputs(prewarm, HF_HUB_OFFLINE="1")
            assert watching.is_whole
            seen = watching.seen()
        names = {
            path.resolve(): path.relative_to(prewarm.cache).as_posix()
            for path in prewarm.cache.glob("*/snapshots/*/**/*")
            if path.is_file()
        }
        assert not hub.log.all()
        direct = Prewarm(tmp_path_factory.mktemp("direct"), hub.url)
        directly = outputs(direct)
        yield World(
            result,
            directly,
            offline,
            {names[blob.resolve()] for blob in seen},
            {names[blob.resolve()] for blob in set(blobs) - seen},
            metered,
            later,
        )


def test_every_kind_is_proven(world: World) -> None:
    report = world.result.report
    lost = {entry["id"]: entry["error"] or entry["notes"] for entry in report["entries"] if entry["status"] != "proven"}
    assert not lost
    assert [one["status"] for one in report["applications"]] == ["proven"]
    assert world.result.code == 0
    assert world.later == 0, "and costs nothing ever after"


@pytest.mark.parametrize("name", CALLS)
def test_the_applications_own_call_gives_the_same_offline(world: World, name: str) -> None:
    assert "Error" not in world.directly[name].partition(":")[0], world.directly[name]
    assert world.offline[name] == world.directly[name]


def test_the_weights_that_were_planned_are_those_that_are_opened(world: World) -> None:
    assert len(world.opened) > 10
    assert not world.unopened, "fetched, and never opened"


def test_one_variant_and_one_format_are_there(world: World, others: Path) -> None:
    weights = {path.rsplit("/", 1)[-1] for path in world.opened if "diffusion" in path and "tokenizer" not in path}
    assert weights == {"diffusion_pytorch_model.fp16.safetensors", "model.fp16.safetensors"}
    assert len(list((others / "others" / "diffusion").rglob("*.bin"))) == 2, "the others are on the Hub"


def test_further_repositories_are_named(world: World) -> None:
    notes = " ".join(world.result.entry("others/talker")["notes"])
    assert "microsoft/speecht5_hifigan" in notes
