"""Listings and files from a Hub that has its bad days."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import TOKEN
from prewarm.cache.disk import DiskCache
from prewarm.flow.stop import Stop
from prewarm.hub import session
from prewarm.hub.client import Client
from prewarm.hub.transport_errors import Transient
from prewarm.localhub import Fault, LocalHub, Quota, Quotas, Repository
from prewarm.records.errors import HubError, PrewarmError
from prewarm.records.events import Event, Retrying, Waiting
from prewarm.records.listing import Listing, Repo
from prewarm.records.lock import LockedRepo
from prewarm.records.plan import Fetched

Serve = Callable[..., Repository]
BODY = bytes(range(256)) * 4000
REPO = Repo(repo_id="org/files")


class Bench:
    """A client, a cache, and what they told."""

    def __init__(self, root: Path, max_wait_s: float = 30.0) -> None:
        self.events: list[Event] = []
        self.client = Client(workers=4, max_wait_s=max_wait_s, observe=self.events.append)
        self.cache = DiskCache(root)
        self.received = 0
        self.spent = Fetched()

    def spend(self, fetched: Fetched) -> None:
        self.spent += fetched

    def listing(self) -> Listing:
        return self.client.listing(REPO, self.spend)

    def fetch(self, path: str) -> Fetched:
        listing = self.listing()
        self.spent = Fetched()
        file = listing.find(path)
        assert file is not None
        locked = LockedRepo(repo=REPO, commit=listing.commit, files=(file,), served_as=listing.served_as)

        def count(number: int) -> None:
            self.received += number

        with self.cache.receive(locked, file, Stop(), lambda holder, waited_s: None) as sink:
            assert sink is not None
            self.client.fetch(locked, file, sink, count, self.spend, Stop())
        assert self.cache.read(locked, file) == BODY
        return self.spent

    @property
    def retries(self) -> list[Retrying]:
        return [event for event in self.events if isinstance(event, Retrying)]


@pytest.fixture
def bench(tmp_path: Path, hub: LocalHub, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", 2)
    monkeypatch.setattr("prewarm.hub.retry.FIRST_WAIT_S", 0.01)
    monkeypatch.setattr("prewarm.hub.retry.LONGEST_WAIT_S", 0.05)
    serve(files={"small.txt": BODY[:5000], "large.bin": BODY, "large.txt": BODY})
    return Bench(tmp_path)


def leftovers(root: Path) -> list[Path]:
    return [path for path in root.rglob("*.incomplete*") if path.is_file()]


@pytest.mark.parametrize("path", ["large.bin", "large.txt"])
def test_a_file_is_one_metered_request(bench: Bench, hub: LocalHub, path: str) -> None:
    spent = bench.fetch(path)
    assert (spent.requests, spent.bytes) == (1, len(BODY))
    assert [request.method for request in hub.log.metered(containing=path)] == ["GET"]
    assert bench.received == len(BODY)


RECOVERED: list[Fault] = [
    Fault(path="*", kind="status", status=503, count=2),
    Fault(path="*", kind="status", status=502, origin="cdn"),
    Fault(path="*", kind="status", status=429, headers={"Retry-After": "0"}),
    Fault(path="*", kind="status", status=408),
    Fault(path="*", kind="status", status=403, origin="cdn"),
    Fault(path="*", kind="reset"),
    Fault(path="*", kind="reset", at_byte=300_000, origin="cdn"),
    Fault(path="*", kind="cut", at_byte=300_000, origin="cdn"),
    Fault(path="*", kind="flip", at_byte=700_000, origin="cdn"),
    Fault(path="*", kind="hang", seconds=4, origin="cdn"),
    Fault(path="*", kind="html", origin="cdn"),
    Fault(path="*", kind="wrong-length", origin="cdn"),
    Fault(path="*", kind="slow", bytes_per_s=5e6, origin="cdn"),
]


@pytest.mark.parametrize("fault", RECOVERED, ids=lambda fault: f"{fault.kind}-{fault.status}-{fault.at_byte}")
def test_a_passing_fault_is_retried_and_seen(bench: Bench, hub: LocalHub, fault: Fault, tmp_path: Path) -> None:
    hub.faults.add(fault)
    bench.fetch("large.bin")
    assert fault.kind == "slow" or bench.retries
    assert bench.received == len(BODY), "what was void is taken back"
    assert leftovers(tmp_path) == []


LASTING: list[tuple[Fault, str, str]] = [
    (Fault(path="*/resolve/*", kind="status", status=503, count=0), "unreachable", "answers 503, again and again"),
    (Fault(path="*/resolve/*", kind="status", status=418, count=0), "unreachable", "answers 418"),
    (Fault(path="*/resolve/*", kind="reset", count=0), "unreachable", "the connection to"),
    (Fault(path="*/resolve/*", kind="hang", seconds=3, count=0), "timeout", "does not answer in time"),
    (Fault(path="*/resolve/*", kind="flip", at_byte=9, count=0, origin="cdn"), "corrupt", "another sha256"),
    (Fault(path="*/resolve/*", kind="html", count=0), "corrupt", "is a web page"),
    (Fault(path="*/resolve/*", kind="wrong-length", count=0, origin="cdn"), "corrupt", "instead of"),
    (Fault(path="*/resolve/*", kind="status", status=404, count=0), "not-found", "org/files"),
]


@pytest.mark.parametrize(("fault", "kind", "message"), LASTING, ids=lambda value: getattr(value, "kind", None))
def test_a_lasting_fault_ends_in_a_named_error_and_keeps_no_wrong_byte(
    bench: Bench, hub: LocalHub, fault: Fault, kind: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prewarm.hub.retry.ATTEMPTS", 2)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", 1)
    hub.faults.add(fault)
    with pytest.raises(PrewarmError) as error:
        bench.fetch("large.bin")
    assert getattr(error.value, "kind", None) == kind
    assert message in str(error.value)
    assert error.value.hint
    assert not list(tmp_path.rglob("blobs/*")), "nothing is left of it"


def test_what_cannot_change_is_not_asked_again(bench: Bench, hub: LocalHub) -> None:
    for status in (404, 401, 403):
        hub.log.clear()
        hub.faults.add(Fault(path="*/resolve/*", kind="status", status=status))
        with pytest.raises(HubError):
            bench.fetch("large.bin")
        assert len(hub.log.all(containing="/resolve/")) == 1
    assert bench.retries == []


def test_a_listing_is_asked_once_and_retried(bench: Bench, hub: LocalHub) -> None:
    hub.faults.add(Fault(path="/api/*", kind="html"))
    hub.faults.add(Fault(path="/api/*", kind="status", status=500))
    hub.faults.add(Fault(path="/api/*", kind="reset"))
    first = bench.listing()
    assert bench.spent.requests == 3, "a connection that was reset brought no answer to count"
    assert len(hub.log.metered()) == 4
    assert bench.listing() == first
    assert len(hub.log.metered()) == 4


def test_sizes_come_from_the_tree_where_the_listing_has_none(
    bench: Bench, hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prewarm.wire import contents

    plain = contents.repo_info
    monkeypatch.setattr(contents, "repo_info", lambda *given, **said: plain(*given, **{**said, "blobs": False}))
    hub.routes.tree_page = 2
    spent = bench.fetch("large.bin")
    assert spent.requests == 1
    assert len(hub.log.metered(containing="/tree/")) == 2


def test_a_renamed_repository_costs_no_redirect_a_file(bench: Bench, hub: LocalHub) -> None:
    hub.routes._repositories["model", "org/new"] = hub.routes._repositories.pop(("model", "org/files"))
    hub.routes._repositories["model", "org/new"].repo_id = "org/new"
    hub.rename("org/files", "org/new")
    bench.fetch("large.bin")
    assert [request.path.split("/")[2] for request in hub.log.metered(containing="/resolve/")] == ["new"]
    assert (bench.cache.root / "models--org--files" / "blobs").exists(), (
        "the cache knows it by the name that was asked for"
    )


def test_the_token_stays_with_the_hub(
    bench: Bench, hub: LocalHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    Bench(tmp_path / "other").fetch("large.bin")
    assert {request.authorized for request in hub.log.all() if request.origin == "hub"} == {True}
    assert {request.authorized for request in hub.log.all() if request.origin == "cdn"} == {False}


@pytest.mark.slow
def test_nobody_is_refused_once_the_window_is_known(bench: Bench, hub: LocalHub, serve: Serve, tmp_path: Path) -> None:
    serve(files={f"{number}.txt": bytes([number]) for number in range(12)})
    hub.quotas = Quotas({"resolvers": Quota(requests=5, window_s=2)})
    listing = bench.listing()
    locked = LockedRepo(repo=REPO, commit=listing.commit, files=listing.files)

    def one(file: Any) -> None:
        with bench.cache.receive(locked, file, Stop(), lambda holder, waited_s: None) as sink:
            assert sink is not None
            bench.client.fetch(locked, file, sink, lambda count: None, bench.spend, Stop())

    one(listing.files[0])
    threads = [threading.Thread(target=one, args=(file,)) for file in listing.files[1:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert {request.status for request in hub.log.all(containing="/resolve/")} == {307}
    assert len(hub.log.all(containing="/resolve/")) == 12
    assert any(isinstance(event, Waiting) for event in bench.events)


def test_listings_that_lead_outside_are_refused(bench: Bench, hub: LocalHub, serve: Serve) -> None:
    repository = serve(files={"a.txt": b"a"})
    commit = repository.commits[repository.branches["main"]]
    object.__setattr__(commit, "files", {"../../evil.txt": commit.files["a.txt"]})
    with pytest.raises(HubError, match="lists a file outside of itself") as error:
        bench.listing()
    assert error.value.kind == "unsafe"


def test_a_commit_that_is_none_is_refused(bench: Bench, hub: LocalHub, serve: Serve) -> None:
    repository = serve(files={"a.txt": b"a"})
    object.__setattr__(repository.commits[repository.branches["main"]], "sha", "../../../evil")
    with pytest.raises(HubError, match="its listing has no commit"):
        bench.listing()


def _errors(library: Any) -> list[type[Exception]]:
    found: list[type[Exception]] = []
    todo = [library.HTTPError, library.StreamError, library.InvalidURL]
    while todo:
        kind = todo.pop()
        found.append(kind)
        todo += kind.__subclasses__()
    return [kind for kind in found if kind.__module__.partition(".")[0] == library.__name__]


def test_every_error_of_the_http_library_is_translated() -> None:
    library = session._library()
    kinds = _errors(library)
    assert {kind.__name__ for kind in kinds} >= {"ConnectError", "ReadTimeout", "RemoteProtocolError", "ProxyError"}
    for kind in kinds:
        error = kind.__new__(kind)
        Exception.__init__(error, "said")
        if kind.__name__ in ("HTTPError", "HTTPStatusError", "RequestError"):
            continue  # the roots, and what only raise_for_status raises, which is not called
        with pytest.raises((Transient, HubError)):
            session._translate(library, error, "http://x")


def test_offline_and_certificates_and_proxies_have_words_of_their_own() -> None:
    library = session._library()
    for error, word in (
        (library.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] x"), "SSL_CERT_FILE"),
        (library.UnsupportedProtocol("x"), "HF_ENDPOINT"),
        (library.TooManyRedirects("x"), "HF_ENDPOINT"),
    ):
        with pytest.raises(HubError) as raised:
            session._translate(library, error, "http://x")
        assert word in raised.value.hint
    with pytest.raises(Transient) as passing:
        session._translate(library, library.ProxyError("407"), "http://x")
    assert "HTTPS_PROXY" in passing.value.error.hint
