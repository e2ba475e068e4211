"""``prewarm serve`` with the real model: the vectors, the protocol, what is refused, and its end."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serving import Server, serving

from prewarm.serve import openapi_text
from served import MINILM, TEXTS

# The first test of a run makes what all of them look at.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def server(served: Path) -> Iterator[Server]:
    with serving(served) as found:
        yield found


@pytest.fixture(scope="session")
def expected(served: Path) -> Any:
    """What SentenceTransformer.encode gave for ``TEXTS``."""
    with np.load(served / "expected.npz") as kept:
        return kept["vectors"]


def test_vectors_are_those_of_encode_alone_and_together(server: Server, expected: Any) -> None:
    assert np.abs(server.vectors(TEXTS) - expected).max() < 1e-5
    for text, right in zip(TEXTS, expected, strict=True):
        assert np.abs(server.vectors(text)[0] - right).max() < 1e-5
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda at: server.vectors(TEXTS[at % 6])[0], range(96)))
    assert max(np.abs(one - expected[at % 6]).max() for at, one in enumerate(found)) < 1e-5


def test_base64_dimensions_and_tokens(server: Server, expected: Any, served: Path) -> None:
    from tokenizers import Tokenizer

    said = server.embed(TEXTS, encoding_format="base64")
    decoded = [np.frombuffer(base64.b64decode(one["embedding"]), dtype="<f4") for one in said["data"]]
    assert np.abs(np.array(decoded) - expected).max() < 1e-5
    short = server.vectors(TEXTS, dimensions=64)
    right = expected[:, :64] / np.linalg.norm(expected[:, :64], axis=1, keepdims=True)
    assert np.abs(short - right).max() < 1e-5
    own = Tokenizer.from_file(str(served / "models/minilm/tokenizer.json"))
    own.no_padding()
    ids = [one.ids for one in own.encode_batch(TEXTS)]
    assert np.abs(server.vectors(ids) - expected).max() < 1e-5
    assert np.abs(server.vectors(ids[0]) - expected[:1]).max() < 1e-5
    assert said["usage"] == {"prompt_tokens": sum(map(len, ids)), "total_tokens": sum(map(len, ids))}
    assert said["usage"]["prompt_tokens"] > 256
    assert [one["index"] for one in said["data"]] == list(range(6))
    assert said["model"] == MINILM


def test_the_official_client_is_content(server: Server, expected: Any) -> None:
    import openai

    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        found = client.embeddings.create(model=MINILM, input=TEXTS)
        assert np.abs(np.array([one.embedding for one in found.data]) - expected).max() < 1e-5
        assert len(client.embeddings.create(model="minilm", input="ok", dimensions=8).data[0].embedding) == 8
        assert [one.id for one in client.models.list()] == [MINILM]
        assert client.models.retrieve(MINILM).owned_by == "prewarm"
        with pytest.raises(openai.NotFoundError, match="is not here"):
            client.embeddings.create(model="text-embedding-3-small", input="ok")
        with pytest.raises(openai.BadRequestError, match="a text is empty"):
            client.embeddings.create(model=MINILM, input=["ok", ""])


@pytest.mark.parametrize(
    ("body", "status", "param", "said"),
    [
        (b"{", 400, None, "no JSON"),
        (b"", 400, None, "no JSON"),
        (b"[]", 400, None, "no JSON object"),
        (b"[" * 100_000, 400, None, "no JSON"),
        (b'{"input": NaN, "model": "minilm"}', 400, None, "NaN is no number"),
        (b'{"input": "\\ud800", "model": "minilm"}', 400, "input[0]", "half a character"),
        (b'\xff{"input": "a", "model": "minilm"}', 400, None, "no JSON"),
        ({"input": "a"}, 400, "model", "model parameter"),
        ({"input": "a", "model": 5}, 400, "model", "model parameter"),
        ({"input": "a", "model": "other"}, 404, "model", "is not here"),
        ({"model": "minilm"}, 400, "input", "input is a string"),
        ({"input": [], "model": "minilm"}, 400, "input", "empty"),
        ({"input": "", "model": "minilm"}, 400, "input[0]", "empty"),
        ({"input": ["a", ""], "model": "minilm"}, 400, "input[1]", "empty"),
        ({"input": ["a", 5], "model": "minilm"}, 400, "input[0]", "each is a text"),
        ({"input": [[1, 2], []], "model": "minilm"}, 400, "input[1]", "list of tokens"),
        ({"input": [[1, True]], "model": "minilm"}, 400, "input[0]", "list of tokens"),
        ({"input": [[-1]], "model": "minilm"}, 400, "input[0]", "0 to 30521"),
        ({"input": [30522], "model": "minilm"}, 400, "input[0]", "0 to 30521"),
        ({"input": [101] * 257, "model": "minilm"}, 400, "input[0]", "257 tokens, and the model takes 256"),
        ({"input": ["a"] * 2049, "model": "minilm"}, 400, "input", "at most 2048"),
        ({"input": ["word " * 300] * 1200, "model": "minilm"}, 400, "input", "more than 300000"),
        ({"input": "a", "model": "minilm", "dimensions": 0}, 400, "dimensions", "1 to 384"),
        ({"input": "a", "model": "minilm", "dimensions": 385}, 400, "dimensions", "1 to 384"),
        ({"input": "a", "model": "minilm", "dimensions": True}, 400, "dimensions", "1 to 384"),
        ({"input": "a", "model": "minilm", "encoding_format": "hex"}, 400, "encoding_format", "base64"),
        (b'{"input": "' + b"a" * (33 << 20) + b'", "model": "minilm"}', 413, None, "larger than"),
    ],
)
def test_what_cannot_be_answered_is_refused_as_openai_does(
    server: Server, body: Any, status: int, param: str | None, said: str
) -> None:
    found, answer, _ = server.ask("/v1/embeddings", body)
    assert found == status
    error = answer["error"]
    assert said in error["message"]
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"
    assert set(error) == {"message", "type", "param", "code"}


def test_a_body_without_an_end_is_cut_off(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as sent:
        sent.sendall(b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        piece = b"100000\r\n" + b"a" * (1 << 20) + b"\r\n"
        for _ in range(600):
            try:
                sent.sendall(piece)
            except OSError:
                break
        assert b" 413 " in sent.recv(4096)


def test_other_paths_and_methods(server: Server) -> None:
    assert server.ask("/v1/nothing")[0] == 404
    status, said, headers = server.ask("/v1/embeddings")
    assert (status, headers["allow"]) == (405, "POST")
    assert said["error"]["type"] == "invalid_request_error"
    assert server.ask("/v1/models/other")[0] == 404
    status, said, _ = server.ask("/health")
    assert (status, said["status"], said["model"]) == (200, "ok", MINILM)
    schema = server.ask("/openapi.json")[1]
    assert set(schema["paths"]) == set(json.loads(openapi_text())["paths"])
    request = schema["components"]["schemas"]["Request"]["properties"]
    assert request["model"]["enum"] == ["all-MiniLM-L6-v2", "minilm", MINILM]
    assert request["dimensions"]["maximum"] == 384


def test_metrics_count_what_was_answered(served: Path) -> None:
    with serving(served) as server:
        server.embed(["a", "b c"])
        server.ask("/v1/embeddings", b"{")
        status, text, headers = server.ask("/metrics")
        assert status == 200
        assert headers["content-type"].startswith("text/plain; version=0.0.4")
        lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        assert lines['embeddings_requests_total{status="200"}'] == "1"
        assert lines['embeddings_requests_total{status="400"}'] == "1"
        assert (lines["embeddings_items_total"], lines["embeddings_tokens_total"]) == ("2", "7")
        assert lines['embeddings_request_seconds_bucket{le="+Inf"}'] == "2"
        assert lines["embeddings_waiting_tokens"] == "0"


def test_a_key_is_asked_for_where_one_is_set(served: Path) -> None:
    with serving(served, env={"PREWARM_API_KEY": "sesam"}) as server:
        for key in ("", "other", "sesam2"):
            status, said, headers = server.ask("/v1/embeddings", {"input": "a", "model": "minilm"}, key=key)
            assert (status, said["error"]["code"], headers["www-authenticate"]) == (401, "invalid_api_key", "Bearer")
            assert server.ask("/v1/models", key=key)[0] == 401
        assert server.ask("/v1/embeddings", {"input": "a", "model": "minilm"}, key="sesam")[0] == 200
        assert server.ask("/health")[0] == 200
        server.process.send_signal(signal.SIGTERM)
        _, said = server.process.communicate(timeout=60)
        assert "sesam" not in said


def test_a_full_queue_says_when_to_come_again(served: Path) -> None:
    with serving(served, "--queue-tokens", "3000") as server:
        body = {"input": ["a text of some words, again and again " * 30] * 40, "model": "minilm"}
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda _: server.ask("/v1/embeddings", body), range(12)))
        refused = [headers for status, _, headers in answers if status == 429]
        assert refused
        assert {status for status, _, _ in answers} == {200, 429}
        assert all(1 <= int(headers["retry-after"]) <= 60 for headers in refused)
        assert server.vectors("afterwards").shape == (1, 384)


def test_what_was_asked_for_is_answered_before_it_ends(served: Path, expected: Any) -> None:
    with serving(served) as server:
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(server.vectors(TEXTS * 40)))
        thread.start()
        until = time.monotonic() + 60
        while "embeddings_waiting_tokens 0\n" in server.ask("/metrics")[1]:
            assert time.monotonic() < until
        server.process.send_signal(signal.SIGTERM)
        thread.join(60)
        assert np.abs(found[0] - np.tile(expected, (40, 1))).max() < 1e-5
        assert server.process.wait(60) == 0


def test_a_client_that_leaves_disturbs_nobody_and_its_work_is_given_up(served: Path) -> None:
    with serving(served) as server:
        _leave_and_look(server)


def _leave_and_look(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    body = json.dumps({"input": TEXTS * 100, "model": "minilm"}).encode()
    for _ in range(5):
        with socket.create_connection((host, int(port))) as gone:
            gone.sendall(b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert server.vectors("still there").shape == (1, 384)
    until = time.monotonic() + 60
    while 'embeddings_requests_total{status="499"} 5\n' not in (text := server.ask("/metrics")[1]):
        assert time.monotonic() < until, text
    assert 'embeddings_requests_total{status="200"} 1\n' in text
    while "embeddings_waiting_tokens 0\n" not in (text := server.ask("/metrics")[1]):
        assert time.monotonic() < until, text
    done = next(line for line in text.splitlines() if line.startswith("embeddings_tokens_total "))
    # Of some 150,000 tokens that they have asked for.
    assert int(done.split()[1]) < 140_000


def test_a_long_text_is_cut_before_it_is_looked_at(server: Server, expected: Any) -> None:
    long = TEXTS[5] + "and on " * 2_000_000
    assert np.abs(server.vectors(long)[0] - expected[5]).max() < 1e-5
    # What is cut off here are spaces, and the rest is of few tokens: it counts as a whole.
    spaced = " " * 20_000 + TEXTS[0]
    assert np.abs(server.vectors(spaced)[0] - expected[0]).max() < 1e-5


def test_the_schema_says_what_it_does(server: Server, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "schemathesis.cli",
                "run",
                f"{server.url}/openapi.json",
                "--phases",
                "examples,fuzzing",
            ),
            *("--checks", "all", "--max-examples", "40", "--no-color", "--seed", "5"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        # It keeps what it has found where it runs.
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_a_folder_runs_by_itself_without_prewarm_torch_or_transformers(served: Path, expected: Any) -> None:
    folder = served / "models/minilm"
    code = (
        "import sys, runpy\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('prewarm', 'torch', 'transformers', 'huggingface_hub'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "sys.argv[0] = 'server.py'\n"
        f"runpy.run_path({str(folder / 'server.py')!r}, run_name='__main__')\n"
    )
    with serving(folder, command=[sys.executable, "-c", code]) as server:
        assert np.abs(server.vectors(TEXTS) - expected).max() < 1e-5


def test_server_py_alone_says_in_a_line_what_is_wrong(served: Path, server: Server, tmp_path: Path) -> None:
    def run(folder: Path, port: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, str(folder / "server.py"), "--port", port], capture_output=True, text=True, check=False
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stderr.splitlines()[-1]

    whole = served / "models/minilm"
    code, said = run(whole, "99999")
    assert (code, "a port is a number up to 65535" in said, len(said) < 200) == (2, True, True)
    code, said = run(whole, server.url.rpartition(":")[2])
    assert (code, "name another one with --port" in said) == (1, True)
    shutil.copy(whole / "server.py", tmp_path)
    for name, text in (("prewarm.json", "[]"), ("tokenizer.json", "{"), ("model.onnx", "no graph")):
        code, said = run(tmp_path, "8080")
        assert (code, said.startswith("error: ")) == (1, True), name
        (tmp_path / name).write_text(text, encoding="utf-8")
        code, said = run(tmp_path, "8080")
        assert (code, said.startswith("error: ")) == (1, True), name
        shutil.copy(whole / name, tmp_path)


def test_a_port_that_is_taken_and_folders_that_are_none(served: Path, server: Server, tmp_path: Path) -> None:
    def run(*args: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "prewarm", "serve", *args], cwd=served, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stderr

    code, said = run("minilm", "--port", server.url.rpartition(":")[2])
    assert code == 1
    assert "--port 8081" in said
    assert "Traceback" not in said
    code, said = run(str(tmp_path))
    assert (code, "has no prewarm.json" in said) == (2, True)
    (tmp_path / "prewarm.json").write_text('{"task": "text-classification"}', encoding="utf-8")
    code, said = run(str(tmp_path))
    assert (code, "does not give one vector for each text" in said) == (2, True)
    (tmp_path / "prewarm.json").write_text('{"dimensions": 384}', encoding="utf-8")
    code, said = run(str(tmp_path))
    assert (code, "prewarm export --check" in said, "Traceback" in said) == (1, True, False)
    assert run("other")[0] == 2


def test_a_file_that_is_not_what_was_made_is_not_served(served: Path, tmp_path: Path) -> None:
    shutil.copytree(served / "models/minilm", tmp_path / "minilm")
    path = tmp_path / "minilm/model.onnx.data"
    wrong = bytearray(path.read_bytes())
    wrong[50_000_000] ^= 1
    path.write_bytes(wrong)
    for words in ([], ["--try", "a"]):
        done = subprocess.run(
            [sys.executable, "-m", "prewarm", "serve", str(tmp_path / "minilm"), *words],
            env={**os.environ, "HF_HOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "model.onnx.data of" in done.stderr
        assert "is not what was made" in done.stderr
        assert "prewarm export --force" in done.stderr


def test_other_addresses_without_a_key_are_warned_of(served: Path) -> None:
    with serving(served, "--host", "0.0.0.0") as server:
        server.process.send_signal(signal.SIGTERM)
        assert "PREWARM_API_KEY" in server.process.communicate(timeout=60)[1]


def test_try_prints_how_alike_texts_are_and_draws_it(served: Path, expected: Any, tmp_path: Path) -> None:
    words = [word for text in TEXTS[:3] for word in ("--try", text)]
    picture = tmp_path / "alike.svg"
    done = subprocess.run(
        [sys.executable, "-m", "prewarm", "serve", "models/minilm", *words, "-o", str(picture)],
        cwd=served,
        capture_output=True,
        text=True,
        check=True,
    )
    cosines = expected[:3] @ expected[:3].T
    rows = [line.split()[1:4] for line in done.stdout.splitlines()[1:4]]
    assert np.abs(np.array(rows, dtype=float) - cosines).max() < 1e-3
    assert cosines[0, 1] > 0.5 > cosines[0, 2]
    drawn = picture.read_text(encoding="utf-8")
    assert drawn.startswith("<?xml")
    assert "<svg" in drawn
