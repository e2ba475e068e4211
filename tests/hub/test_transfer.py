"""Large files: several ranges at once, resumed after a kill, right whatever the Hub does on its bad days."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from fetching import LARGE, REPO, Run

from conftest import Prewarm
from prewarm.cache import layout
from prewarm.hub.pieces import gathered
from prewarm.hub.transport_errors import Transient
from prewarm.localhub import Fault, LocalHub, Repository
from prewarm.records.errors import EntryError, Interrupted
from prewarm.records.events import Retrying
from prewarm.records.listing import Digest

Serve = Callable[..., Repository]
DATA = '[[advanced]]\nid = "org/files"\ninclude = ["*"]\n[settings]\nproof = "files"\n'


@pytest.fixture(autouse=True)
def here(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", 2)
    monkeypatch.setattr("prewarm.hub.retry.FIRST_WAIT_S", 0.01)
    monkeypatch.setattr("prewarm.hub.retry.LONGEST_WAIT_S", 0.03)


def from_cdn(hub: LocalHub) -> int:
    return sum(request.sent_bytes for request in hub.log.all() if request.origin == "cdn")


def test_ranges_go_to_the_second_origin_and_cost_one_metered_request(
    hub: LocalHub, serve: Serve, tmp_path: Path
) -> None:
    serve(files={"large.bin": LARGE})
    run = Run(tmp_path)
    run.fetch("large.bin")
    assert run.content("large.bin") == LARGE
    assert len(hub.log.metered(containing="/resolve/")) == 1
    asked = [request.range for request in hub.log.all() if request.origin == "cdn"]
    assert len(asked) > 4
    assert from_cdn(hub) == len(LARGE), "every byte once"
    assert (run.received, run.spent.bytes, run.spent.requests) == (len(LARGE), len(LARGE), 2)


def test_all_lines_are_used_for_one_large_file(hub: LocalHub, serve: Serve, tmp_path: Path) -> None:
    serve(files={"large.bin": LARGE})
    hub.bytes_per_s = 5_000_000
    run = Run(tmp_path, workers=4)
    most = 0
    fetching = threading.Thread(target=run.fetch, args=("large.bin",))
    fetching.start()
    while fetching.is_alive():
        most = max(most, sum(thread.name == "range" for thread in threading.enumerate()))
        time.sleep(0.005)
    assert most == 3, "beside the one that every file has"
    assert run.content("large.bin") == LARGE


def test_ranges_share_as_many_connections_as_there_are(
    hub: LocalHub, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(files={"large.bin": LARGE})
    connect, opened = socket.create_connection, []

    def counted(address: tuple[str, int], *args: object, **given: object) -> socket.socket:
        opened.append(address[1])
        return connect(address, *args, **given)  # type: ignore[arg-type]

    monkeypatch.setattr("socket.create_connection", counted)
    Run(tmp_path, workers=4).fetch("large.bin")
    asked = [request.range for request in hub.log.all() if request.origin == "cdn"]
    assert len(asked) > 4
    assert opened.count(int(hub.cdn_url.rsplit(":", 1)[1])) <= 4


def test_a_mirror_that_sends_the_bytes_itself_gets_one_request(hub: LocalHub, serve: Serve, tmp_path: Path) -> None:
    repository = serve(files={"large.bin": LARGE})
    commit = repository.commits[repository.branches["main"]]
    stored = commit.files["large.bin"]
    plain = hub.routes._resolve
    from prewarm.wire.answers import Answer

    hub.routes._resolve = lambda asked, commit: Answer(  # type: ignore[method-assign]
        status=200, headers={"X-Repo-Commit": commit.sha}, body=stored
    )
    hub.faults.add(Fault(path="*large.bin", kind="cut", at_byte=6_000_000))
    run = Run(tmp_path)
    run.fetch("large.bin")
    hub.routes._resolve = plain  # type: ignore[method-assign]
    assert run.content("large.bin") == LARGE
    ranges = [request.range for request in hub.log.metered(containing="/resolve/")]
    assert ranges[0] is None
    assert len(ranges) == 2
    assert ranges[1] is not None
    assert ranges[1].startswith("bytes="), "the second goes on where the first broke"
    assert run.spent.bytes < len(LARGE) * 1.1


def test_a_server_that_knows_no_ranges(hub: LocalHub, serve: Serve, tmp_path: Path) -> None:
    serve(files={"large.bin": LARGE})
    hub.faults.add(Fault(path="*", kind="ignore-range", count=0, origin="cdn"))
    run = Run(tmp_path)
    run.fetch("large.bin")
    assert run.content("large.bin") == LARGE
    assert run.received == len(LARGE)


def test_what_comes_once_more_is_no_progress(half: Path, hub: LocalHub, serve: Serve) -> None:
    hub.bytes_per_s = None
    hub.faults.add(Fault(path="*", kind="ignore-range", count=0, origin="cdn"))
    run = Run(half)
    run.fetch("large.bin")
    assert run.received == len(LARGE)
    assert run.spent.bytes > len(LARGE) / 2, "what was sent, however much of it was there"
    assert run.content("large.bin") == LARGE


def test_a_signature_that_expires_on_the_way_is_renewed(serve: Serve, hub: LocalHub, tmp_path: Path) -> None:
    serve(files={"large.bin": LARGE})
    hub.routes.link_lifetime_s = 0.4
    hub.bytes_per_s = 6_000_000
    run = Run(tmp_path)
    run.fetch("large.bin")
    assert run.content("large.bin") == LARGE
    assert len(hub.log.metered(containing="/resolve/")) > 1
    assert from_cdn(hub) <= len(LARGE) * 1.05


def test_a_line_that_breaks_again_and_again_gets_there(hub: LocalHub, serve: Serve, tmp_path: Path) -> None:
    """More breaks than tries: each brings some bytes, and none is asked for twice."""
    serve(files={"large.bin": LARGE})
    hub.faults.add(Fault(path="*", kind="reset", at_byte=900_000, count=40, origin="cdn"))
    run = Run(tmp_path, workers=1)
    run.fetch("large.bin")
    assert run.content("large.bin") == LARGE
    assert sum(isinstance(event, Retrying) for event in run.events) >= 20
    assert run.spent.bytes < len(LARGE) * 1.1


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_is_gone_on_with(hub: LocalHub, serve: Serve, prewarm: Prewarm, how: signal.Signals) -> None:
    serve(files={"large.bin": LARGE})
    hub.bytes_per_s = 2_500_000
    prewarm.manifest(DATA)
    process = subprocess.Popen(
        prewarm.command("-q"), cwd=prewarm.folder, env=prewarm.environ, stderr=subprocess.DEVNULL
    )
    while from_cdn(hub) < len(LARGE) * 0.6:
        time.sleep(0.01)
    process.send_signal(how)
    process.wait(timeout=20)
    assert not list(prewarm.cache.rglob("snapshots/*/large.bin")), "nothing half is shown"
    time.sleep(0.2)
    hub.log.clear()
    hub.bytes_per_s = None
    again = prewarm("--json")
    assert again.code == 0, again.err
    assert from_cdn(hub) < len(LARGE) * 0.7
    (shown,) = prewarm.cache.rglob("snapshots/*/large.bin")
    assert shown.read_bytes() == LARGE
    assert not list(prewarm.cache.rglob("*.prewarm.*")), "partial file and journal are gone"


def partial_of(root: Path, content: bytes) -> Path:
    blob = layout.blob(root, REPO, Digest(algorithm="sha256", value=hashlib.sha256(content).hexdigest()))
    return blob.with_name(f"{blob.name}.prewarm.incomplete")


@pytest.fixture
def half(hub: LocalHub, serve: Serve, tmp_path: Path) -> Path:
    """A cache with half of the large file, from a run that was ended."""
    serve(files={"large.bin": LARGE})
    run = Run(tmp_path)
    hub.bytes_per_s = 10_000_000

    def end() -> None:
        while run.received < len(LARGE) / 2:
            time.sleep(0.005)
        run.stop.set()

    thread = threading.Thread(target=end)
    thread.start()
    with pytest.raises(Interrupted):
        run.fetch("large.bin")
    thread.join()
    hub.bytes_per_s = None
    hub.log.clear()
    assert partial_of(tmp_path, LARGE).exists()
    return tmp_path


def test_a_partial_file_is_trusted_for_what_its_journal_says(half: Path, hub: LocalHub) -> None:
    run = Run(half)
    run.fetch("large.bin")
    assert run.content("large.bin") == LARGE
    assert from_cdn(hub) < len(LARGE) * 0.6
    assert run.received == len(LARGE), "what was there counts as arrived"


def test_a_partial_file_with_a_wrong_byte_never_becomes_the_file(half: Path, hub: LocalHub) -> None:
    partial = partial_of(half, LARGE)
    with partial.open("r+b") as file:
        file.seek(100)
        file.write(bytes([LARGE[100] ^ 1]))
    run = Run(half)
    run.fetch("large.bin")
    assert run.content("large.bin") == LARGE
    assert any(isinstance(event, Retrying) and "sha256" in event.reason for event in run.events)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda journal, partial: journal.write_text("{"),
        lambda journal, partial: journal.unlink(),
        lambda journal, partial: journal.write_text(journal.read_text().replace('"size": 2', '"size": 3')),
        lambda journal, partial: os.truncate(partial, 1000),
        lambda journal, partial: partial.unlink(),
        lambda journal, partial: journal.write_text(journal.read_text().replace("[[0", "[[-5")),
    ],
)
def test_a_spoilt_journal_costs_bytes_and_nothing_else(
    half: Path, spoil: Callable[[Path, Path], None], hub: LocalHub
) -> None:
    partial = partial_of(half, LARGE)
    spoil(partial.with_name(partial.name.replace(".incomplete", ".json")), partial)
    run = Run(half)
    run.fetch("large.bin")
    assert run.content("large.bin") == LARGE


def test_after_a_restart_only_what_was_synced_is_trusted(half: Path, hub: LocalHub) -> None:
    import json

    partial = partial_of(half, LARGE)
    journal = partial.with_name(partial.name.replace(".incomplete", ".json"))
    said = json.loads(journal.read_text())
    journal.write_text(json.dumps({**said, "boot": "another", "synced": [[0, 1_000_000]]}))
    run = Run(half)
    run.fetch("large.bin")
    assert run.content("large.bin") == LARGE
    assert from_cdn(hub) == len(LARGE) - 1_000_000


def test_another_version_of_the_file_takes_nothing_of_it(half: Path, hub: LocalHub, serve: Serve) -> None:
    other = LARGE[::-1]
    serve(files={"large.bin": other})
    run = Run(half)
    run.fetch("large.bin")
    assert run.content("large.bin") == other
    assert from_cdn(hub) == len(other)


def test_two_processes_share_the_work(hub: LocalHub, serve: Serve, prewarm: Prewarm) -> None:
    serve(files={"large.bin": LARGE})
    hub.bytes_per_s = 2_500_000
    prewarm.manifest(DATA)
    processes = [
        subprocess.Popen(prewarm.command("-q", "--no-lock"), cwd=prewarm.folder, env=prewarm.environ) for _ in range(2)
    ]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    assert from_cdn(hub) == len(LARGE)


def test_the_second_takes_over_when_the_first_dies(hub: LocalHub, serve: Serve, prewarm: Prewarm) -> None:
    serve(files={"large.bin": LARGE})
    hub.bytes_per_s = 2_500_000
    prewarm.manifest(DATA)
    first = subprocess.Popen(prewarm.command("-q", "--no-lock"), cwd=prewarm.folder, env=prewarm.environ)
    while from_cdn(hub) < len(LARGE) * 0.4:
        time.sleep(0.01)
    second = subprocess.Popen(prewarm.command("-q", "--no-lock"), cwd=prewarm.folder, env=prewarm.environ)
    time.sleep(1)
    first.kill()
    first.wait()
    hub.bytes_per_s = None
    assert second.wait(timeout=60) == 0
    assert from_cdn(hub) < len(LARGE) * 1.4


@pytest.mark.slow
def test_memory_stays_flat(hub: LocalHub, prewarm: Prewarm, tmp_path: Path) -> None:
    sparse = tmp_path / "sparse.bin"
    with sparse.open("wb") as file:
        file.truncate(1_500_000_000)
    repository = Repository(repo_id="org/files")
    repository.commit({"large.bin": sparse})
    hub.add(repository)
    prewarm.manifest(DATA)
    done = prewarm.python(
        "from prewarm.cli.main import main\nfrom prewarm.proof.inside.memory import peak_rss_bytes\n"
        "assert main(['-q']) == 0\nprint(peak_rss_bytes())"
    )
    assert done.code == 0, done.err
    assert 20_000_000 < int(done.out) < 200_000_000


def test_what_is_hashed_is_not_written_again(tmp_path: Path) -> None:
    from prewarm.cache.partial import PartialFile
    from prewarm.records.listing import RepoFile

    file = RepoFile(path="a", size=3, digest=Digest(algorithm="sha256", value=hashlib.sha256(b"abc").hexdigest()))
    sink = PartialFile(tmp_path / "blob", file, is_alone=True, wrote=lambda count: None)
    sink.write(0, b"ab")
    sink.write(0, b"xyc")
    sink.finish()
    assert (tmp_path / "blob").read_bytes() == b"abc"


def test_pieces_before_an_error_are_not_lost() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"a"
        yield b"b"
        raise Transient("broke", cast("EntryError", None))  # type: ignore[arg-type]

    arriving = gathered(pieces())
    assert next(arriving) == b"ab"
    with pytest.raises(Transient):
        next(arriving)


def test_a_file_that_the_classes_want_first_waits_behind_no_large_one(
    hub: LocalHub, serve: Serve, tmp_path: Path
) -> None:
    serve(files={"tokenizer.json": LARGE[: 9 << 20]})
    run = Run(tmp_path, workers=1)
    with run.client._means.connections.one(run.stop):
        fetching = threading.Thread(target=run.fetch, args=("tokenizer.json",), daemon=True)
        fetching.start()
        fetching.join(timeout=10)
        assert not fetching.is_alive()
    assert run.content("tokenizer.json") == LARGE[: 9 << 20]


def test_without_more_threads_those_that_there_are_go_on(
    hub: LocalHub, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(files={"large.bin": LARGE})
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "range":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    run = Run(tmp_path, workers=4)
    run.fetch("large.bin")
    assert run.content("large.bin") == LARGE
    assert sum(run.client._means.connections.take_idle() for _ in range(5)) == 4
