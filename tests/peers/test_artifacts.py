"""The real model's artifact beside other people's tools, each in an environment of its own, named by a variable.

Oracle's ads validates it and calls its score.py; infinity-emb and fastembed give the same vectors.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import TESTS
from served import MINILM, TEXTS

sys.path.insert(0, str(TESTS.parent))
from bench.nginx import free_port
from bench.scenarios import serve as bench

IMPORTANT = {
    "score_py", "runtime_yaml", "score_syntax", "score_load_model", "score_predict", "score_predict_data",
    "score_predict_arg", "runtime_version", "runtime_env_python", "runtime_env_path",
}  # fmt: skip


def python_of(variable: str) -> str:
    found = os.environ.get(variable)
    if found is None:
        pytest.skip(f"{variable} names an interpreter with it; see .ci/peers")
    return found


@pytest.fixture(scope="session")
def expected(served: Path) -> Any:
    with np.load(served / "expected.npz") as kept:
        return kept["vectors"]


def test_ads_validates_it_and_score_py_answers_as_encode_does(served: Path, expected: Any, tmp_path: Path) -> None:
    python = python_of("PREWARM_TEST_ORACLE")
    script = TESTS / "peers" / "oracle_verify.py"
    done = subprocess.run(
        [python, str(script), str(served / "models/minilm"), str(tmp_path), json.dumps(TEXTS)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert {name for name, passed in said["tests"].items() if passed} >= IMPORTANT
    # Only Oracle's storage knows whether the environment is there.
    assert [name for name, passed in said["tests"].items() if not passed] == ["runtime_path_exist"]
    assert "INFERENCE_ENV_PATH exists" in said["said"]
    answer = said["answer"]
    vectors = np.array([one["embedding"] for one in answer["data"]])
    assert np.abs(vectors - expected).max() < 1e-5
    assert answer["usage"]["prompt_tokens"] > 256
    assert said["refused"]["error"]["param"] == "dimensions"
    assert not {"torch", "transformers", "prewarm"} & set(said["loaded"])


def test_fastembed_gives_the_same_vectors(served: Path, expected: Any, minilm: Path, tmp_path: Path) -> None:
    python = python_of("PREWARM_TEST_FASTEMBED")
    bench.make_plain(minilm, served / "models/minilm", tmp_path / "plain")
    script = str(TESTS.parent / "bench/peers/fastembed_server.py")
    port = free_port()
    command = [python, script, str(tmp_path / "plain"), "--port", str(port)]
    environ = {**os.environ, "HOME": str(tmp_path), "HF_HOME": str(tmp_path / "home")}
    with bench.running(command, environ, port, "/v1/embeddings", "own"):
        said = bench.ask(port, "/v1/embeddings", "own", TEXTS)
    assert np.abs(np.array([one["embedding"] for one in said["data"]]) - expected).max() < 1e-5


def test_infinity_gives_the_same_vectors(expected: Any, minilm: Path, tmp_path: Path) -> None:
    python = python_of("PREWARM_TEST_INFINITY")
    port = free_port()
    options = ["--engine", "torch", "--device", "cpu", "--no-model-warmup", "--served-model-name", "m"]
    binary = str(Path(python).with_name("infinity_emb"))
    command = [binary, "v2", "--model-id", str(minilm), *options, "--port", str(port)]
    home = {"HOME": str(tmp_path), "HF_HOME": str(tmp_path / "home")}
    environ = {**os.environ, **home, "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1"}
    with bench.running(command, environ, port, "/embeddings", "m"):
        said = bench.ask(port, "/embeddings", "m", TEXTS)
    found = np.array([one["embedding"] for one in said["data"]])
    # It does not strip what stands around a text, and neither does a BERT tokenizer notice.
    assert np.abs(found - expected).max() < 1e-5


def test_both_clients_of_the_bench_ask_for_the_same_model() -> None:
    assert bench.ID == MINILM
