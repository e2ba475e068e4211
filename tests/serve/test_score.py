"""``score.py`` of Oracle's layout, by itself: without prewarm, torch, transformers or a web framework."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from served import MINILM, TEXTS

# The first test of a run makes what all of them look at.
pytestmark = pytest.mark.timeout(900)

CALL = """
import importlib.util, json, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("prewarm", "torch", "transformers", "huggingface_hub", "starlette", "uvicorn"):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
spec = importlib.util.spec_from_file_location("score", sys.argv[1] + "/score.py")
score = importlib.util.module_from_spec(spec)
spec.loader.exec_module(score)
model = score.load_model()
print(json.dumps([score.predict(one, model) for one in json.load(sys.stdin)] + [score.predict('{"input": "ok"}')]))
"""


@pytest.fixture(scope="module")
def answers(served: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    asked = [
        {"input": TEXTS, "model": MINILM},
        {"input": TEXTS, "model": "minilm", "encoding_format": "base64"},
        {"input": TEXTS, "model": MINILM, "dimensions": 32},
        {"input": "", "model": MINILM},
    ]
    done = subprocess.run(
        [sys.executable, "-I", "-c", CALL, str(served / "models/minilm")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path_factory.mktemp("elsewhere"),
    )
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


def test_it_gives_the_vectors_of_encode(answers: list[Any], served: Path) -> None:
    with np.load(served / "expected.npz") as kept:
        expected = kept["vectors"]
    plain, packed, short, _, _ = answers
    assert np.abs(np.array([one["embedding"] for one in plain["data"]]) - expected).max() < 1e-5
    decoded = [np.frombuffer(base64.b64decode(one["embedding"]), dtype="<f4") for one in packed["data"]]
    assert np.abs(np.array(decoded) - expected).max() < 1e-5
    cut = expected[:, :32] / np.linalg.norm(expected[:, :32], axis=1, keepdims=True)
    assert np.abs(np.array([one["embedding"] for one in short["data"]]) - cut).max() < 1e-5
    assert plain["usage"]["total_tokens"] > 256


def test_what_cannot_be_answered_gets_openais_error(answers: list[Any]) -> None:
    assert answers[3]["error"]["param"] == "input[0]"
    assert "model parameter" in answers[4]["error"]["message"]


def test_runtime_yaml_and_the_schema_are_there(served: Path) -> None:
    folder = served / "models/minilm"
    lines = (folder / "runtime.yaml").read_text(encoding="utf-8").splitlines()
    assert lines == [
        'MODEL_ARTIFACT_VERSION: "3.0"',
        "MODEL_DEPLOYMENT:",
        "  INFERENCE_CONDA_ENV:",
        '    INFERENCE_ENV_PATH: "oci://bucket@namespace/conda_environments/cpu/onnx/1.0/onnx_env_v1"',
        '    INFERENCE_ENV_SLUG: "onnx_env_v1"',
        '    INFERENCE_ENV_TYPE: "published"',
        '    INFERENCE_PYTHON_VERSION: "3.11"',
    ]
    assert "/v1/embeddings" in json.loads((folder / "openai.json").read_text(encoding="utf-8"))["paths"]
    assert len((folder / "README.md").read_text(encoding="utf-8").splitlines()) == 5
