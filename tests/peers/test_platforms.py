"""The example adapter in its platform's own package, and a wrapped model on the package that such models derive from."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from conftest import TESTS, Prewarm

pytestmark = pytest.mark.timeout(900)
CHAT = """
[[advanced]]
id = "zoo/chat"
model_class = "AutoModelForCausalLM"
processor_class = "AutoTokenizer"
generation = { max_new_tokens = 6 }

[[advanced.sample]]
chat = ["word1 word2", "word3"]
"""
WRAPPED = """
from mop_utils.base_model_wrapper import BaseModelWrapper, MopInferenceInput, MopInferenceOutput


class ModelWrapper(BaseModelWrapper):
    def init(self, model_root):
        with open(model_root + "/weight") as file:
            self.weight = float(file.read())

    def inference(self, item):
        return {"score": min(1.0, len(item["data"]) / 100 * self.weight)}

    def inference_batch(self, items):
        return [self.inference(item) for item in items]

    def convert_mop_input_to_model_input(self, mop_input: MopInferenceInput, **more):
        return {"data": mop_input.text}

    def convert_model_output_to_mop_output(self, out, **more):
        score = out["score"]
        return MopInferenceOutput(
            {
                "confidence_scores": {"hate": {"positive": score, "negative": 1 - score}},
                "predicted_labels": {"hate": {"positive": int(score > 0.5), "negative": int(score <= 0.5)}},
            }
        )
"""


def test_the_adapter_gives_the_platform_its_own_annotations(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest(CHAT)
    assert zoo_prewarm("-q").code == 0
    shutil.copy(TESTS.parent / "examples" / "adapter" / "adapter.py", zoo_prewarm.folder)
    code = """
import json, adapter
found = adapter.ModelAdapter.__new__(adapter.ModelAdapter)
type(found).configuration = {"entry": "zoo/chat"}
found.load(".")
asked = [{"mimetype": "application/text", "value": "word1 word2"}, {"mimetype": "application/text", "value": "word3"}]
batch = [{"prompts": {"k": {"a": asked[0], "b": asked[1]}}}]
print(json.dumps([one.to_json() for one in found.predict(batch)[0]]))
"""
    home = zoo_prewarm.folder / "user"
    home.mkdir()
    done = zoo_prewarm.python(code, HF_HUB_OFFLINE="1", HOME=str(home))
    assert done.code == 0, done.err
    annotations = json.loads(done.out.splitlines()[-1])
    answer = zoo_prewarm("try", "--json").report["entries"][0]["samples"][0]["answer"]
    assert [one["coordinates"] for one in annotations] == answer["texts"]
    for one, confidence in zip(annotations, answer["confidence"], strict=True):
        assert one["type"] == "text"
        assert one["metadata"]["system"]["promptId"] == "k"
        assert one["metadata"]["user"]["model"]["name"] == "zoo/chat"
        assert one["metadata"]["user"]["model"]["confidence"] == pytest.approx(confidence, rel=1e-4)


def test_a_wrapped_model_derives_from_the_real_package(prewarm: Prewarm) -> None:
    folder = prewarm.folder / "tox"
    for name in ("model", "src"):
        (folder / name).mkdir(parents=True)
    (folder / "model" / "weight").write_text("0.7")
    (folder / "src" / "inference.py").write_text(WRAPPED)
    (folder / "src" / "requirements.txt").write_text("mop-utils>=2.0\n")
    (folder / "src" / "settings.yml").write_text(f'env:\n  python: "{sys.version_info[0]}.{sys.version_info[1]}"\n')
    prewarm.manifest('[[wrapped]]\npath = "tox"\nsample = { text = "some words" }\n')
    home = Path(prewarm.folder / "user")
    home.mkdir()
    result = prewarm("--json", env={"HOME": str(home)})
    assert result.code == 0, result.out + result.err
    found = result.report["wrapped"][0]
    assert (found["status"], found["class"]) == ("proven", "ModelWrapper")
    assert found["answer"]["confidence_scores"]["hate"]["positive"] == pytest.approx(0.07)
