"""Files that the Hub keeps in Xet: hashed, gone on with, and had over HTTP where the store cannot be reached."""

from __future__ import annotations

import contextlib
import importlib.util
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import TOKEN, Prewarm
from prewarm.cache.disk import DiskCache
from prewarm.flow.stop import Stop
from prewarm.hub import xet
from prewarm.hub.client import Client
from prewarm.localhub import Fault, LocalHub, Repository
from prewarm.records.entry import TransferMode
from prewarm.records.errors import Interrupted
from prewarm.records.events import Event, Retrying
from prewarm.records.listing import Repo
from prewarm.records.lock import LockedRepo
from prewarm.records.plan import Fetched

Serve = Callable[..., Repository]
REPO = Repo(repo_id="org/files")
LARGE = random.Random(11).randbytes(40_000_000)


@pytest.fixture(autouse=True)
def here(
    hub: LocalHub, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # hf_xet keeps its logs below it.
    monkeypatch.setenv("HF_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
    monkeypatch.setattr("prewarm.hub.retry.FIRST_WAIT_S", 0.01)
    monkeypatch.setattr("prewarm.hub.retry.LONGEST_WAIT_S", 0.03)
    hub.routes.serves_xet = True
    serve(files={"large.bin": LARGE, "small.bin": LARGE[:1000]})


class Run:
    """One run that fetches the large file."""

    def __init__(self, root: Path, transfer: TransferMode = "xet", workers: int = 4) -> None:
        self.events: list[Event] = []
        self.stop = Stop()
        self.client = Client(
            workers=workers, max_wait_s=10, observe=self.events.append, transfer=transfer, stop=self.stop
        )
        self.cache = DiskCache(root)
        self.spent: list[Fetched] = []
        self.received: list[int] = []

    def fetch(self, path: str = "large.bin") -> bytes:
        listing = self.client.listing(REPO, self.spent.append)
        file = listing.find(path)
        assert file is not None
        locked = LockedRepo(repo=REPO, commit=listing.commit, files=(file,))
        with self.cache.receive(locked, file, self.stop, lambda holder, waited_s: None) as sink:
            assert sink is not None
            self.client.fetch(locked, file, sink, self.received.append, self.spent.append, self.stop)
        return self.cache.read(locked, file)

    def reasons(self) -> list[str]:
        return [event.reason for event in self.events if isinstance(event, Retrying)]


def xorb_bytes(hub: LocalHub) -> int:
    return sum(request.sent_bytes for request in hub.log.all(containing="/xorbs/"))


def test_a_file_comes_through_xet_for_a_listing_a_resolver_and_a_token(hub: LocalHub, tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.fetch() == LARGE
    assert [request.path.split("/")[-2 if "token" in request.path else -3] for request in hub.log.metered()][2:] == [
        "xet-read-token"
    ]
    assert len(hub.log.metered()) == sum(spent.requests for spent in run.spent) == 3
    assert not hub.log.all(containing="/lfs/")
    assert sum(run.received) == len(LARGE)


def test_connections_that_begin_at_once_ask_for_one_token(
    hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever asks whether the library is there waits for the others: all of them make their way at the same time.
    together = threading.Barrier(4)
    find = importlib.util.find_spec

    def slowly(name: str, *given: object) -> object:
        if name == "hf_xet":
            with contextlib.suppress(threading.BrokenBarrierError):
                together.wait(2)
        return find(name, *given)  # type: ignore[arg-type]

    monkeypatch.setattr("importlib.util.find_spec", slowly)
    assert Run(tmp_path).fetch() == LARGE
    assert len(hub.log.all(containing="xet-read-token")) == 1


def test_small_files_and_auto_stay_with_http(hub: LocalHub, tmp_path: Path) -> None:
    assert Run(tmp_path).fetch("small.bin") == LARGE[:1000]
    assert Run(tmp_path / "auto", "auto").fetch() == LARGE
    assert not hub.log.all(containing="/xorbs/")
    assert not hub.log.all(containing="xet-read-token")


def test_a_flipped_byte_in_a_xorb_is_found_and_fetched_again(hub: LocalHub, tmp_path: Path) -> None:
    hub.faults.add(Fault(path="*large.bin", kind="flip", at_byte=70_000, origin="cdn"))
    run = Run(tmp_path, workers=1)
    assert run.fetch() == LARGE
    assert any("another sha256" in reason for reason in run.reasons())


@pytest.mark.parametrize("path", ["/v1/reconstructions/*", "*/xet-read-token/*", "*"])
def test_without_the_store_it_goes_on_over_http_and_says_so(hub: LocalHub, tmp_path: Path, path: str) -> None:
    if path == "*":
        hub.faults.add(Fault(path="*large.bin", kind="status", status=500, count=4, origin="cdn"))
    else:
        hub.faults.add(Fault(path=path, kind="status", status=500, count=0))
    run = Run(tmp_path)
    assert run.fetch() == LARGE
    assert any("going on over HTTP" in reason for reason in run.reasons()) or path == "*"
    assert sum(run.received) == len(LARGE)


def test_an_ended_run_is_gone_on_with(hub: LocalHub, tmp_path: Path) -> None:
    run = Run(tmp_path)
    hub.bytes_per_s = 20_000_000

    def end() -> None:
        while sum(run.received) < len(LARGE) / 2:
            threading.Event().wait(0.005)
        run.stop.set()

    thread = threading.Thread(target=end)
    thread.start()
    with pytest.raises(Interrupted):
        run.fetch()
    thread.join()
    hub.bytes_per_s = None
    hub.log.clear()
    assert Run(tmp_path).fetch() == LARGE
    assert xorb_bytes(hub) < len(LARGE) * 0.6


def test_the_token_goes_to_the_hub_alone(hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    seen: list[str | None] = []
    plain = hub.routes.cdn

    def cdn(path: str, query: str, authorization: str | None, wanted: str | None) -> object:
        seen.append(authorization)
        return plain(path, query, authorization, wanted)

    monkeypatch.setattr(hub.routes, "cdn", cdn)
    assert Run(tmp_path).fetch() == LARGE
    assert seen
    assert not any(TOKEN in (authorization or "") for authorization in seen)


def test_the_route_for_tokens_is_taken_of_the_hub_that_was_asked() -> None:
    headers = {
        "X-Xet-Hash": "a" * 64,
        "Link": '<https://elsewhere.example/api/models/x/xet-read-token/1>; rel="xet-auth"',
    }
    found = xet.parse(headers)
    assert found is not None
    assert found.token_path == "/api/models/x/xet-read-token/1"
    assert xet.parse({**headers, "X-Xet-Hash": "../x"}) is None
    assert xet.parse({}) is None


def test_huggingface_hub_downloads_through_the_store(hub: LocalHub, prewarm: Prewarm) -> None:
    done = prewarm.python(
        "from huggingface_hub import hf_hub_download; print(hf_hub_download('org/files', 'large.bin'))"
    )
    assert done.code == 0, done.err
    assert Path(done.out.strip()).read_bytes() == LARGE
    assert hub.log.all(containing="/xorbs/")


def test_the_setting_reaches_the_download(hub: LocalHub, prewarm: Prewarm) -> None:
    prewarm.manifest('[[advanced]]\nid = "org/files"\ninclude = ["*"]\n[settings]\ntransfer = "xet"\n')
    assert prewarm("-q").code == 0
    assert hub.log.all(containing="/xorbs/")
    assert prewarm("-q", "--force", "--transfer", "none").code == 2
