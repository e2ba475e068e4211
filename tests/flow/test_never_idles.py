"""Nothing waits for the proving process but the proofs: told with a process that does not answer before the bytes are there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from prewarm.audit import Scanner
from prewarm.cache.disk import DiskCache
from prewarm.cache.memory import Memory
from prewarm.flow.account import Options, Tools
from prewarm.flow.outcome import Warmed
from prewarm.flow.ports import Source
from prewarm.flow.stages import ENTRIES_AT_ONCE, Stages
from prewarm.flow.stop import Stop
from prewarm.flow.warm import UNINSPECTED_FILES, warm
from prewarm.hub.client import Client
from prewarm.localhub import Fault, LocalHub, Quota, Quotas, Repository
from prewarm.operations.bug_log import unforeseen
from prewarm.records.confinement import Confinement
from prewarm.records.entry import Entry
from prewarm.records.errors import ProofError
from prewarm.records.events import EntryFinished, Event, InspectionStarted, ProofAwaited, ProofStarted
from prewarm.records.lock import Lock
from prewarm.records.proof import Continued, Proof, ProofRequest

CONFIG = b'{"model_type": "bert", "architectures": ["BertModel"]}'
LARGE = bytes(17 << 20)
PROOF = Proof(
    model="BertModel", processor=None, dtype=None, parameters=None, load_s=0.0, peak_rss_bytes=None, network_attempts=0
)


@dataclass
class Prover:
    """Answers when it is told that it may."""

    may_inspect: Callable[[], bool] = lambda: True
    may_prove: Callable[[], bool] = lambda: True
    refuses: tuple[str, ...] = ()
    proven: list[str] = field(default_factory=list)

    def start(self) -> None:
        """There is nothing to import."""

    def apply(
        self, request: ProofRequest, then: str, given: Mapping[str, Any], *, folder: Path, timeout_s: float
    ) -> Continued:
        raise AssertionError("nobody asks for it")

    def inspect(self, request: ProofRequest) -> None:
        wait_for(self.may_inspect)
        if request.entry.id in self.refuses:
            raise ProofError("load-error", "no class knows it")

    def prove(self, request: ProofRequest, begun: Callable[[], None]) -> Proof:
        begun()
        wait_for(self.may_prove)
        self.proven.append(request.entry.id)
        return PROOF

    def stop(self) -> None:
        """There is no process."""

    def discover(self, request: ProofRequest, source: Source) -> Confinement:
        """Nothing here asks for more than its plan."""
        raise AssertionError(f"{request.entry.id} is loaded by rule, and not through the gateway")


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "what it waits for never happens"
        time.sleep(0.01)


@pytest.fixture
def run(hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Warmed]]:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path))

    @contextmanager
    def tools(prover: Prover, observe: Callable[[Event], None]) -> Iterator[Tools]:
        stop = Stop()
        with Stages(4, stop) as stages:
            yield Tools(
                hub=Client(workers=4, max_wait_s=10, observe=observe, stop=stop),
                cache=DiskCache(tmp_path / "hub"),
                scanner=Scanner(tmp_path / "hub", {}),
                prover=prover,
                memory=Memory(tmp_path / "hub", tmp_path, {}),
                observe=observe,
                clock=time.monotonic,
                stages=stages,
                stop=stop,
                unforeseen=unforeseen,
            )

    def warmed(ids: list[str], prover: Prover, observe: Callable[[Event], None] = lambda event: None) -> list[Warmed]:
        with tools(prover, observe) as using:
            return warm([Entry(id=repo_id) for repo_id in ids], Lock(), using, Options())

    return warmed


def serve(hub: LocalHub, repo_id: str, **files: bytes) -> str:
    repository = Repository(repo_id=repo_id)
    repository.commit({"config.json": CONFIG, **{name.replace("__", "."): body for name, body in files.items()}})
    hub.add(repository)
    return repo_id


def asked(hub: LocalHub, path: str) -> int:
    return len(hub.log.metered(containing=path))


def test_no_entry_waits_for_anothers_proof(hub: LocalHub, run: Callable[..., list[Warmed]]) -> None:
    count = 3 * ENTRIES_AT_ONCE
    ids = [serve(hub, f"org/{number}", model__safetensors=b"weights of %d" % number) for number in range(count)]
    prover = Prover(may_prove=lambda: asked(hub, "model.safetensors") == count)
    found = run(ids, prover)
    assert [one.report.status for one in found] == ["proven"] * count
    assert sorted(prover.proven) == sorted(ids)


def test_weights_come_while_the_classes_are_inspected(hub: LocalHub, run: Callable[..., list[Warmed]]) -> None:
    ids = [serve(hub, "org/large", model__safetensors=LARGE)]
    prover = Prover(may_inspect=lambda: asked(hub, "model.safetensors") == 1)
    assert [one.report.status for one in run(ids, prover)] == ["proven"]


def test_a_refusal_ends_the_transfers_and_the_others_go_on(
    hub: LocalHub, run: Callable[..., list[Warmed]], tmp_path: Path
) -> None:
    ids = [serve(hub, "org/refused", model__safetensors=LARGE), serve(hub, "org/small", model__safetensors=b"small")]
    # It would take a minute.
    hub.faults.add(Fault(path="*refused*", kind="slow", bytes_per_s=300_000, count=0, origin="cdn"))

    def cdn() -> int:
        return sum(request.sent_bytes for request in hub.log.all() if request.origin == "cdn")

    prover = Prover(may_inspect=lambda: cdn() > 100_000, refuses=("org/refused",))
    began = time.monotonic()
    refused, small = run(ids, prover)
    assert time.monotonic() - began < 30
    assert refused.report.failure is not None
    assert refused.report.failure.message == "no class knows it"
    assert small.report.status == "proven"
    assert cdn() < len(LARGE) / 2


def test_few_requests_are_sent_before_the_inspection(hub: LocalHub, run: Callable[..., list[Warmed]]) -> None:
    names = [f"model-{number:05}-of-00020.safetensors" for number in range(1, 21)]
    index = '{"weight_map": {' + ", ".join(f'"{name}": "{name}"' for name in names) + "}}"
    shards = {name.replace(".", "__"): bytes([at]) + LARGE for at, name in enumerate(names)}
    serve(hub, "org/shards", **{"model.safetensors.index.json": index.encode()}, **shards)

    def weights() -> int:
        return sum(asked(hub, name) for name in names)

    seen: list[int] = []

    def all_came() -> bool:
        # Those that may come are whole, and no other one is asked for.
        seen.append(weights())
        return seen.count(UNINSPECTED_FILES) > 50

    (found,) = run(["org/shards"], Prover(may_inspect=all_came))
    assert max(seen) == UNINSPECTED_FILES
    assert weights() == len(names)
    assert found.report.status == "proven"


def test_proofs_go_in_the_order_in_which_entries_are_whole(hub: LocalHub, run: Callable[..., list[Warmed]]) -> None:
    ids = [serve(hub, f"org/{name}", model__safetensors=name.encode() * 4) for name in ("late", "early", "middle")]
    hub.faults.add(Fault(path="*late*safetensors", kind="slow", bytes_per_s=12, count=0))
    events: list[Event] = []
    prover = Prover()
    run(ids, prover, events.append)
    awaited = [event.entry.id for event in events if isinstance(event, ProofAwaited)]
    assert prover.proven == awaited
    assert prover.proven[-1] == "org/late"
    assert [event.entry.id for event in events if isinstance(event, ProofStarted)] == awaited
    assert not any(isinstance(event, InspectionStarted) for event in events), "small ones are loaded at once"
    assert len([event for event in events if isinstance(event, EntryFinished)]) == 3


@pytest.mark.slow
def test_what_waits_for_the_hubs_limit_holds_no_proof_back(hub: LocalHub, run: Callable[..., list[Warmed]]) -> None:
    count = 5 + ENTRIES_AT_ONCE
    ids = [serve(hub, f"org/{number}", model__safetensors=b"%d" % number) for number in range(count)]
    hub.quotas = Quotas({"api": Quota(requests=5, window_s=2)})
    listed: list[int] = []

    def note() -> bool:
        listed.append(asked(hub, "/api/models/"))
        return True

    found = run(ids, Prover(may_prove=note))
    assert [one.report.status for one in found] == ["proven"] * count
    assert listed[0] == 5, "the others still waited for the next window"


def test_a_weight_that_is_lost_ends_the_others_before_the_inspection_does(
    hub: LocalHub, run: Callable[..., list[Warmed]]
) -> None:
    index = b'{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}'
    shards = {f"model-{number}__safetensors": bytes([number]) + LARGE for number in (1, 2)}
    serve(hub, "org/lost", **{"model.safetensors.index.json": index}, **shards)
    hub.faults.add(Fault(path="*resolve*model-1.safetensors", kind="status", status=404, count=0, origin="hub"))
    hub.faults.add(Fault(path="*model-2.safetensors", kind="slow", bytes_per_s=4_000_000, count=0, origin="cdn"))
    until = time.monotonic() + 2.5
    (found,) = run(["org/lost"], Prover(may_inspect=lambda: time.monotonic() > until))
    assert found.report.failure is not None
    assert found.report.failure.kind == "not-found"
    assert sum(request.sent_bytes for request in hub.log.all() if request.origin == "cdn") < 5_000_000
