"""OpenAI-compatible embeddings from the folder that this file lies in: tokenizers, onnxruntime and an ASGI server.

    pip install numpy onnxruntime tokenizers starlette uvicorn
    python server.py --port 8080

POST /v1/embeddings, GET /v1/models, /health, /metrics, /openapi.json. Requests that wait are put together: their texts
are sorted by length and computed in batches. Where too much waits, the answer is 429 with Retry-After.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import hmac
import json
import os
import signal
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import tokenizers

MOST_ITEMS = 2048
MOST_TOKENS = 300_000
"""Of one request, as OpenAI has it."""
MOST_BYTES = 32 << 20
"""Of a request's body."""
BATCH_TOKENS = 1024
"""Larger ones are no faster, and take memory that is not given back."""
QUEUE_TOKENS = 2 * MOST_TOKENS
KEY_VARIABLE = "PREWARM_API_KEY"
_INLINE_BYTES = 4000
_INLINE_ITEMS = 8
_LARGE_TOKENS = 512
_TEXTS_AT_ONCE = 64
_CHARACTERS_A_TOKEN = 32
_SILENCE_S = 20.0
"""That the rest of a body is waited for."""
_WATCHED_TOKENS = 256
_GRACE_S = 30
_READ_BYTES = 16 * MOST_BYTES
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SCHEMAS = [Path(__file__).with_name(name) for name in ("openapi.json", "openai.json")]
"""As it lies beside this file, by either name."""


class Refused(Exception):
    """A request that is not answered, with the error's body as OpenAI has it."""

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None, retry_s: int = 0
    ) -> None:
        super().__init__(message)
        kind = {401: "authentication_error", 429: "rate_limit_error", 500: "server_error", 503: "server_error"}
        self.status, self.retry_s = status, retry_s
        self.body = {
            "error": {
                "message": message,
                "type": kind.get(status, "invalid_request_error"),
                "param": param,
                "code": code,
            }
        }


# --- the model --------------------------------------------------------------------------------------------------------


class Ids(list[int]):
    """The tokens of a text whose tokenizer gives them types."""

    types: Sequence[int] = ()


class Model:
    """Texts, or tokens, to vectors.

    Args:
        folder: with ``model.onnx``, ``tokenizer.json`` and ``prewarm.json``.
        threads: of one computation; None: the processors that this process may use.
    """

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        facts = json.loads((folder / "prewarm.json").read_text(encoding="utf-8"))
        if not isinstance(facts.get("dimensions"), int):
            raise ValueError(f"{folder} has no embedding model: its task is {facts.get('task')}")
        self.id: str = facts["id"]
        self.names = {self.id, self.id.rpartition("/")[2], facts.get("name") or self.id}
        self.commit: str = facts["commit"]
        self.dimensions: int = facts["dimensions"]
        self.max_length: int = facts["max_length"]
        self._least: int = facts.get("least_length", 2)
        self.prompt: str = facts.get("prompt") or ""
        self.is_normalised = bool(facts.get("normalised"))
        self.created = int((folder / "prewarm.json").stat().st_mtime)
        self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        padding = self._tokenizer.padding or {}
        self._padding: int = padding.get("pad_id", 0)
        self._tokenizer.no_padding()
        self._has_types = any(any(one.type_ids) for one in self._tokenizer.encode_batch(["a b"]))
        self._cuts_left = (self._tokenizer.truncation or {}).get("direction") == "left"
        self.vocabulary: int = self._tokenizer.get_vocab_size(with_added_tokens=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or processors()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        # What it takes for a large batch it gives back afterwards.
        self._large = onnxruntime.RunOptions()
        self._large.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._inputs = [one.name for one in self._session.get_inputs()]

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, cut to what the model takes, with what stands around it."""
        given = [self.prompt + text for text in texts] if self.prompt else list(texts)
        found: list[list[int]] = []
        count = 0
        # In parts: who sends too much is told before all of it was looked at.
        for start in range(0, len(given), _TEXTS_AT_ONCE):
            found += self._encoded(given[start : start + _TEXTS_AT_ONCE])
            count += sum(map(len, found[start:]))
            if count > MOST_TOKENS:
                break
        return found

    def _encoded(self, texts: Sequence[str]) -> list[list[int]]:
        most = self.max_length * _CHARACTERS_A_TOKEN
        cut = [text if len(text) <= most else text[-most:] if self._cuts_left else text[:most] for text in texts]
        encoded = self._tokenizer.encode_batch(cut) if self._has_types else self._tokenizer.encode_batch_fast(cut)
        found = []
        for text, shorter, one in zip(texts, cut, encoded, strict=True):
            # What was cut off would have been, unless the rest is of fewer tokens than fit: spaces, for one.
            whole = (
                one if len(shorter) == len(text) or len(one.ids) == self.max_length else self._tokenizer.encode(text)
            )
            ids = Ids(whole.ids) if self._has_types else whole.ids
            if isinstance(ids, Ids):
                ids.types = whole.type_ids
            found.append(ids)
        return found

    def check(self, ids: Sequence[int], param: str) -> None:
        """Raise Refused where ids are not the model's."""
        if len(ids) > self.max_length:
            raise Refused(400, f"{len(ids)} tokens, and the model takes {self.max_length}", param=param)
        if ids and not (min(ids) >= 0 and max(ids) < self.vocabulary):
            raise Refused(400, f"the model's tokens are 0 to {self.vocabulary - 1}", param=param)

    def vectors(self, batch: Sequence[Sequence[int]]) -> Any:
        """A vector for each list of ids, as float32."""
        width = max(self._least, *map(len, batch))
        ids = np.full((len(batch), width), self._padding, dtype=np.int64)
        mask = np.zeros((len(batch), width), dtype=np.int64)
        for row, one in enumerate(batch):
            ids[row, : len(one)] = one
            mask[row, : len(one)] = 1
        kinds = np.zeros_like(ids)
        for row, one in enumerate(batch):
            if isinstance(one, Ids):
                kinds[row, : len(one)] = one.types
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": kinds}
        options = self._large if ids.size > _LARGE_TOKENS else None
        return self._session.run(None, {name: given[name] for name in self._inputs}, options)[0]

    def shortened(self, vectors: Any, dimensions: int | None) -> Any:
        """The first ``dimensions`` of each, as long as before where they were all of length 1."""
        if dimensions is None or dimensions == self.dimensions:
            return vectors
        cut = vectors[:, :dimensions]
        if self.is_normalised:
            cut = cut / np.maximum(np.linalg.norm(cut, axis=1, keepdims=True), 1e-12)
        return cut


def processors() -> int:
    """How many this process may use: a container's share is less than what the machine has."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        found = min(found, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass
    return found


def batches(lengths: Sequence[int], most: int = BATCH_TOKENS) -> list[list[int]]:
    """Places in ``lengths``, those of like length together, with padding at most ``most`` tokens each."""
    found: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        first = lengths[found[-1][0]] if found else 0
        is_like = bool(found) and lengths[place] * 4 >= first * 3
        if found and (len(found[-1]) + 1) * first <= most and (is_like or len(found[-1]) * first < most // 16):
            found[-1].append(place)
        else:
            found.append([place])
    return found


# --- what is asked and answered ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A request that can be answered."""

    texts: Sequence[str] = ()
    tokens: Sequence[Sequence[int]] = ()
    """In the place of texts."""
    dimensions: int | None = None
    is_base64: bool = False


def read(body: bytes | str, model: Model) -> Asked:
    """The request in a body.

    Raises:
        Refused: it is none.
    """
    try:
        said = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"the body is no JSON: {str(error)[:200]}") from None
    if not isinstance(said, dict):
        raise Refused(400, "the body is no JSON object")
    return understood(said, model)


def understood(said: Mapping[str, Any], model: Model) -> Asked:
    """The request that an object is.

    Raises:
        Refused: it is none.
    """
    name = said.get("model")
    if not isinstance(name, str) or not name:
        raise Refused(400, "you must provide a model parameter", param="model")
    named(name, model)
    shape = said.get("encoding_format", "float")
    if shape not in ("float", "base64"):
        raise Refused(400, "encoding_format is 'float' or 'base64'", param="encoding_format")
    wanted = said.get("dimensions")
    if wanted is not None and not (_is_whole(wanted) and 1 <= wanted <= model.dimensions):
        raise Refused(400, f"dimensions is a whole number from 1 to {model.dimensions}", param="dimensions")
    texts, tokens = _inputs(said.get("input"), model)
    wanted = None if wanted is None else int(wanted)
    return Asked(texts=texts, tokens=tokens, dimensions=wanted, is_base64=shape == "base64")


def named(name: str, model: Model) -> None:
    """Raise Refused where a name is not the model's."""
    if name not in model.names:
        said = f"the model '{name[:100]}' is not here: {model.id} is"
        raise Refused(404, said, param="model", code="model_not_found")


def _inputs(given: Any, model: Model) -> tuple[list[str], list[list[int]]]:
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list):
        raise Refused(400, "input is a string, a list of strings, of tokens, or of lists of tokens", param="input")
    if not given:
        raise Refused(400, "input is empty", param="input")
    if all(_is_whole(one) for one in given):
        given = [given]
    if len(given) > MOST_ITEMS:
        raise Refused(400, f"input has {len(given)} items, and at most {MOST_ITEMS} are taken", param="input")
    if all(isinstance(one, str) for one in given):
        for at, one in enumerate(given):
            _check_text(one, f"input[{at}]")
        return given, []
    for at, one in enumerate(given):
        if not isinstance(one, list) or not one or not all(_is_whole(token) for token in one):
            said = "each is a text, or each a list of tokens with something in it"
            raise Refused(400, said, param=f"input[{at}]")
        given[at] = [int(token) for token in one]
        model.check(given[at], f"input[{at}]")
    return [], given


def _check_text(text: str, param: str) -> None:
    if not text:
        raise Refused(400, "a text is empty", param=param)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Refused(400, "a text has half a character", param=param) from None


def _is_whole(value: Any) -> bool:
    """Whether JSON's schemas call it an integer, which 1.0 is as well."""
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def answer(asked: Asked, vectors: Any, tokens: int, model: Model) -> dict[str, Any]:
    """The answer's body."""
    vectors = np.ascontiguousarray(model.shortened(vectors, asked.dimensions), dtype="<f4")
    if asked.is_base64:
        shown: list[Any] = [base64.b64encode(row.tobytes()).decode("ascii") for row in vectors]
    else:
        shown = vectors.tolist()
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": at, "embedding": one} for at, one in enumerate(shown)],
        "model": model.id,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def respond(asked: Asked, model: Model) -> dict[str, Any]:
    """The answer to a request, computed here and now."""
    ids = counted(asked.tokens or model.tokens(asked.texts))
    return answer(asked, embedded(ids, model), sum(map(len, ids)), model)


def embedded(ids: Sequence[Sequence[int]], model: Model) -> Any:
    """A vector for each list of ids, in batches."""
    vectors = np.empty((len(ids), model.dimensions), dtype=np.float32)
    for places in batches([len(one) for one in ids]):
        vectors[places] = model.vectors([ids[place] for place in places])
    return vectors


def counted(ids: Sequence[Sequence[int]]) -> Sequence[Sequence[int]]:
    """``ids``, where they are not too many.

    Raises:
        Refused: they are.
    """
    count = sum(map(len, ids))
    if count > MOST_TOKENS:
        raise Refused(400, f"input has more than {MOST_TOKENS} tokens", param="input")
    return ids


# --- requests that wait for each other --------------------------------------------------------------------------------


@dataclass
class Job:
    """The texts of one request."""

    ids: Sequence[Sequence[int]]
    vectors: Any
    done: Callable[[BaseException | None], None]
    left: int
    is_given_up: bool = False


class Batcher:
    """Computes what waits, by one thread, oldest first.

    Args:
        model: to compute with.
        most: tokens that may wait.
    """

    def __init__(self, model: Model, most: int = QUEUE_TOKENS) -> None:
        self._model = model
        self._most = most
        self._waiting: deque[tuple[Job, int]] = deque()
        self._changed = threading.Condition()
        self._is_ended = False
        self.tokens_waiting = self.tokens_done = self.batches_done = 0
        self._busy_s = 0.0
        self._thread = threading.Thread(target=self._work, name="batches", daemon=True)
        self._thread.start()

    async def vectors(self, ids: Sequence[Sequence[int]]) -> Any:
        """A vector for each list of ids.

        Raises:
            Refused: too much waits.
        """
        count = sum(map(len, ids))
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()

        def settle(error: BaseException | None) -> None:
            if not future.done():
                future.set_exception(error) if error else future.set_result(None)

        def done(error: BaseException | None) -> None:
            try:
                loop.call_soon_threadsafe(settle, error)
            except RuntimeError:
                pass

        made = np.empty((len(ids), self._model.dimensions), dtype=np.float32)
        job = Job(ids=ids, vectors=made, done=done, left=len(ids))
        with self._changed:
            if self._is_ended:
                raise Refused(503, "the server is about to end")
            if self.tokens_waiting and self.tokens_waiting + count > self._most:
                raise Refused(429, "too many requests wait", code="rate_limit_exceeded", retry_s=self._wait_s())
            self.tokens_waiting += count
            self._waiting.extend((job, place) for place in range(len(ids)))
            self._changed.notify()
        try:
            await future
        except asyncio.CancelledError:
            job.is_given_up = True
            raise
        return made

    def end(self) -> None:
        """Compute what waits still, and end."""
        with self._changed:
            self._is_ended = True
            self._changed.notify()
        self._thread.join()

    def _wait_s(self) -> int:
        speed = self.tokens_done / self._busy_s if self._busy_s else 10_000.0
        return max(1, min(60, round(self.tokens_waiting / speed)))

    def _work(self) -> None:
        while taken := self._take():
            for places in batches([len(job.ids[place]) for job, place in taken]):
                self._run([taken[place] for place in places])

    def _take(self) -> list[tuple[Job, int]]:
        """What is computed next: some batches' worth of the oldest; nothing: it is over."""
        with self._changed:
            while not self._waiting and not self._is_ended:
                self._changed.wait()
            taken, count = [], 0
            while self._waiting and count < 4 * BATCH_TOKENS:
                job, place = self._waiting.popleft()
                count += len(job.ids[place])
                taken.append((job, place))
            return taken

    def _run(self, batch: list[tuple[Job, int]]) -> None:
        error: BaseException | None = None
        began = time.perf_counter()
        wanted = [(job, place) for job, place in batch if not job.is_given_up]
        if wanted:
            try:
                made = self._model.vectors([job.ids[place] for job, place in wanted])
                for (job, place), row in zip(wanted, made, strict=True):
                    job.vectors[place] = row
            except Exception as failed:
                error = failed
            self.batches_done += 1
        with self._changed:
            self.tokens_waiting -= sum(len(job.ids[place]) for job, place in batch)
            self.tokens_done += sum(len(job.ids[place]) for job, place in wanted)
            self._busy_s += time.perf_counter() - began
        for job, _ in batch:
            job.left -= 1
            if error is not None or not job.left:
                job.done(error)


# --- over HTTP --------------------------------------------------------------------------------------------------------


@dataclass
class Counted:
    """What ``/metrics`` tells."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: Counter[float] = field(default_factory=Counter)
    seconds_sum: float = 0.0
    items: int = 0

    def add(self, status: int, seconds: float, items: int) -> None:
        """Count a request for embeddings."""
        self.statuses[status] += 1
        self.seconds[next((edge for edge in _BUCKETS_S if seconds <= edge), float("inf"))] += 1
        self.seconds_sum += seconds
        self.items += items

    def text(self, batcher: Batcher) -> str:
        """In Prometheus' format."""
        lines = ["# TYPE embeddings_requests_total counter"]
        lines += [f'embeddings_requests_total{{status="{key}"}} {n}' for key, n in sorted(self.statuses.items())]
        for name, kind, value in (
            ("embeddings_items_total", "counter", self.items),
            ("embeddings_tokens_total", "counter", batcher.tokens_done),
            ("embeddings_batches_total", "counter", batcher.batches_done),
            ("embeddings_waiting_tokens", "gauge", batcher.tokens_waiting),
        ):
            lines += [f"# TYPE {name} {kind}", f"{name} {value}"]
        lines.append("# TYPE embeddings_request_seconds histogram")
        total = 0
        for edge in (*_BUCKETS_S, float("inf")):
            total += self.seconds[edge]
            shown = "+Inf" if edge == float("inf") else edge
            lines.append(f'embeddings_request_seconds_bucket{{le="{shown}"}} {total}')
        lines += [f"embeddings_request_seconds_sum {self.seconds_sum:.6f}", f"embeddings_request_seconds_count {total}"]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Reply:
    """An answer over HTTP."""

    status: int
    body: bytes
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class Endpoints:
    """What answers, whatever framework brings the requests.

    Args:
        model: that computes.
        key: that a client has to send; None: anybody may ask.
        queue_tokens: that may wait.
    """

    def __init__(self, model: Model, key: str | None, queue_tokens: int) -> None:
        self._model, self._key = model, key
        self.batcher = Batcher(model, queue_tokens)
        self._counted = Counted()

    async def embeddings(
        self, headers: Mapping[str, str], pieces: AsyncIterator[bytes], left: Callable[[], Awaitable[object]]
    ) -> Reply:
        """POST /v1/embeddings; ``left`` ends when the client has gone."""
        began = time.perf_counter()
        items = 0
        try:
            self._admit(headers)
            reply, items = await self._embed(await body_of(pieces), left)
        except Refused as refused:
            reply = refusal(refused)
        except ConnectionError:
            reply = Reply(499, b"")
        except Exception as error:
            print(f"error: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            reply = refusal(Refused(500, "the model did not compute it"))
        self._counted.add(reply.status, time.perf_counter() - began, items)
        return reply

    def models(self, headers: Mapping[str, str]) -> Reply:
        """GET /v1/models."""
        self._admit(headers)
        return as_json({"object": "list", "data": [self._shown()]})

    def one_model(self, headers: Mapping[str, str], name: str) -> Reply:
        """GET /v1/models/{name}."""
        self._admit(headers)
        named(name, self._model)
        return as_json(self._shown())

    def health(self) -> Reply:
        """GET /health."""
        return as_json({"status": "ok", "model": self._model.id, "commit": self._model.commit})

    def metrics(self) -> Reply:
        """GET /metrics."""
        return Reply(200, self._counted.text(self.batcher).encode(), "text/plain; version=0.0.4; charset=utf-8")

    def schema(self) -> Reply:
        """GET /openapi.json, with what this model takes."""
        said = json.loads(next(path for path in _SCHEMAS if path.exists()).read_text(encoding="utf-8"))
        model, names = self._model, sorted(self._model.names)
        asked = said["components"]["schemas"]["Request"]["properties"]
        asked["model"]["enum"] = names
        asked["dimensions"]["maximum"] = model.dimensions
        said["paths"]["/v1/models/{name}"]["get"]["parameters"][0]["schema"]["enum"] = names
        for shape in (asked["input"]["oneOf"][2], asked["input"]["oneOf"][3]["items"]):
            shape["maxItems"] = model.max_length
            shape["items"]["maximum"] = model.vocabulary - 1
        return as_json(said)

    async def _embed(self, body: bytes, left: Callable[[], Awaitable[object]]) -> tuple[Reply, int]:
        model = self._model
        is_small = len(body) < _INLINE_BYTES
        asked = read(body, model) if is_small else await asyncio.to_thread(read, body, model)
        if asked.tokens:
            ids: Sequence[Sequence[int]] = asked.tokens
        else:
            ids = model.tokens(asked.texts) if is_small else await asyncio.to_thread(model.tokens, asked.texts)
        count = sum(map(len, counted(ids)))
        if count > _WATCHED_TOKENS or self.batcher.tokens_waiting > BATCH_TOKENS:
            vectors = await unless(self.batcher.vectors(ids), left)
        else:
            vectors = await self.batcher.vectors(ids)
        if len(ids) <= _INLINE_ITEMS:
            return as_json(answer(asked, vectors, count, model)), len(ids)
        return await asyncio.to_thread(lambda: as_json(answer(asked, vectors, count, model))), len(ids)

    def _admit(self, headers: Mapping[str, str]) -> None:
        if self._key is not None:
            sent = headers.get("authorization", "").partition(" ")[2]
            if not hmac.compare_digest(sent.encode("utf-8", "replace"), self._key.encode()):
                raise Refused(401, "the API key is missing or wrong", code="invalid_api_key")

    def _shown(self) -> dict[str, Any]:
        return {"id": self._model.id, "object": "model", "created": self._model.created, "owned_by": "prewarm"}


def as_json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply of JSON."""
    return Reply(status, json.dumps(content, separators=(",", ":")).encode(), headers=headers or {})


def refusal(refused: Refused) -> Reply:
    """The reply to who is refused."""
    headers = {"Retry-After": str(refused.retry_s)} if refused.retry_s else {}
    if refused.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return as_json(refused.body, refused.status, headers)


async def unless(work: Coroutine[Any, Any, Any], left: Callable[[], Awaitable[object]]) -> Any:
    """What ``work`` gives, unless the client goes before: then it is given up.

    Raises:
        ConnectionError: it has gone.
    """
    wanted, gone = asyncio.ensure_future(work), asyncio.ensure_future(left())
    try:
        await asyncio.wait({wanted, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not wanted.done():
            raise ConnectionError("the client has gone")
        return wanted.result()
    finally:
        for one in (wanted, gone):
            one.cancel()


async def body_of(pieces: AsyncIterator[bytes]) -> bytes:
    """The request's body.

    Raises:
        Refused: it is too large. It is read all the same, up to a point: most clients send before they listen, and
            would see a broken connection in the place of this answer.
    """
    received = bytearray()
    count = 0
    while True:
        try:
            piece = await asyncio.wait_for(anext(pieces), _SILENCE_S)
        except StopAsyncIteration:
            break
        except (TimeoutError, asyncio.TimeoutError):
            raise Refused(408, f"no more of the body has come for {_SILENCE_S:.0f} s") from None
        count += len(piece)
        if count <= MOST_BYTES:
            received += piece
        elif count > _READ_BYTES:
            break
        else:
            received.clear()
    if count > MOST_BYTES:
        raise Refused(413, f"the body is larger than {MOST_BYTES} bytes")
    return bytes(received)


def application(model: Model, key: str | None = None, queue_tokens: int = QUEUE_TOKENS) -> Any:
    """The ASGI application; its ``state.batcher`` is to be ended."""
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import Response
    from starlette.routing import Route

    found = Endpoints(model, key, queue_tokens)

    def response(reply: Reply) -> Response:
        return Response(reply.body, reply.status, dict(reply.headers), reply.kind)

    async def embeddings(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                async for piece in request.stream():
                    yield piece
            except ClientDisconnect:
                raise ConnectionError("the client has gone") from None

        return response(await found.embeddings(request.headers, pieces(), request.receive))

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return response(refusal(error))

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        reply = refusal(Refused(error.status_code, f"{request.method} {request.url.path}: {error.detail}"))
        return response(Reply(reply.status, reply.body, headers=error.headers or {}))

    def route(path: str, make: Callable[[Request], Reply]) -> Route:
        async def shown(request: Request) -> Response:
            return response(make(request))

        return Route(path, shown)

    routes = [
        Route("/v1/embeddings", embeddings, methods=["POST"]),
        route("/v1/models", lambda request: found.models(request.headers)),
        route("/v1/models/{name:path}", lambda request: found.one_model(request.headers, request.path_params["name"])),
        route("/health", lambda _: found.health()),
        route("/metrics", lambda _: found.metrics()),
        *([route("/openapi.json", lambda _: found.schema())] if any(path.exists() for path in _SCHEMAS) else []),
    ]
    made = Starlette(routes=routes, exception_handlers={Refused: refused, HTTPException: http_error})
    made.state.batcher = found.batcher
    return made


def serve(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    threads: int | None = None,
    key: str | None = None,
    queue_tokens: int = QUEUE_TOKENS,
) -> None:
    """Answer until a signal comes, and then what has been asked before.

    Raises:
        OSError: the port cannot be had.
        ValueError: the folder has no embedding model.
    """
    found: list[Any] = []
    # The model is read while the server's modules are imported.
    loading = threading.Thread(target=lambda: found.append(_loaded(folder, threads)))
    loading.start()
    import starlette.applications  # noqa: F401
    import uvicorn

    if key is None and host not in ("127.0.0.1", "localhost", "::1"):
        said = f"warning: whoever reaches {host}:{port} may ask; {KEY_VARIABLE} sets a key that clients have to send"
        print(said, file=sys.stderr, flush=True)
    loading.join()
    if isinstance(found[0], BaseException):
        raise found[0]
    made = application(found[0], key, queue_tokens)
    config = uvicorn.Config(
        made,
        host=host,
        port=port,
        log_level="critical",
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=_GRACE_S,
        server_header=False,
    )
    server = _announcing(uvicorn, config, found[0], host, port)
    server.run()
    made.state.batcher.end()


def _loaded(folder: Path, threads: int | None) -> Any:
    try:
        return Model(folder, threads)
    except Exception as error:
        return error


def _announcing(uvicorn: Any, config: Any, model: Model, host: str, port: int) -> Any:
    class Server(uvicorn.Server):  # type: ignore[misc]
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            # uvicorn's own raises the signal again at the end: an end that was asked for is no failure.
            before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if self.started:
                print(f"{model.id} answers at http://{host}:{port}/v1", file=sys.stderr, flush=True)

    return Server(config)


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("a port is a number up to 65535")
    return number


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--host", default="127.0.0.1", help="address to answer at (0.0.0.0: from everywhere)")
    parser.add_argument("--port", type=_port, default=8080)
    parser.add_argument("--threads", type=int, default=None, help="of one computation (default: the processors here)")
    given = parser.parse_args(argv)
    try:
        serve(
            Path(__file__).resolve().parent,
            host=given.host,
            port=given.port,
            threads=given.threads,
            key=os.environ.get(KEY_VARIABLE) or None,
        )
    except SystemExit:
        print(f"error: nobody can answer at {given.host}:{given.port}: name another one with --port", file=sys.stderr)
        return 1
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        print(f"error: {type(error).__name__}: {said}: the folder is not what it was made as", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
