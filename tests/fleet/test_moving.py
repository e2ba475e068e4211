"""Pieces between nodes: in order, checked, sent again; without Ray."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from prewarm.cache.disk import DiskCache
from prewarm.fleet import moving
from prewarm.fleet.host import Piece, Sink
from prewarm.fleet.moving import Moving
from prewarm.flow.stop import Stop
from prewarm.records.fleet import Brought
from prewarm.records.listing import Digest, Repo, RepoFile
from prewarm.records.lock import LockedRepo
from prewarm.records.plan import Fetched

MB = 1 << 20
CONTENT = b"".join(number.to_bytes(8, "big") for number in range(MB))
FILE = RepoFile(
    path="a.bin", size=len(CONTENT), digest=Digest(algorithm="sha256", value=hashlib.sha256(CONTENT).hexdigest())
)
REPO = LockedRepo(repo=Repo(repo_id="org/files"), commit="1" * 40, files=(FILE,))
PIECE = MB


class Node:
    """A node's cache on the disk, with a way to a Hub that is a function."""

    hub_bytes = 0

    def __init__(self, folder: Path, fetch: Callable[[Sink], None] | None = None) -> None:
        self.disk = DiskCache(folder)
        self._fetch = fetch
        self.moving = Moving(self)  # type: ignore[arg-type]

    @contextmanager
    def receive(self, key: str) -> Iterator[Sink | None]:
        with self.disk.receive(REPO, FILE, Stop(), lambda *_: None) as sink:
            yield sink

    def fetch(self, key: str, sink: Sink) -> Brought:
        assert self._fetch is not None
        self._fetch(sink)
        return Brought(spent=Fetched())

    def has(self, key: str) -> bool:
        return self.disk.has(REPO, FILE)

    def size(self, key: str) -> int:
        return FILE.size

    def content(self, key: str) -> Path:
        return self.disk.content(REPO, FILE)

    def ask(self, key: str, start: int, end: int) -> Callable[[], Piece]:
        """As a call from afar: an error there is a LookupError here."""

        def awaited() -> Piece:
            try:
                return self.moving.give(key, start, end)
            except OSError:
                raise LookupError("it cannot be read") from None

        return awaited

    @property
    def content_now(self) -> bytes:
        return self.content("k").read_bytes() if self.has("k") else b""


def whole(folder: Path) -> Node:
    node = Node(folder)
    with node.receive("k") as sink:
        assert sink is not None
        sink.write(0, CONTENT)
        sink.finish()
    return node


def test_a_blob_moves(tmp_path: Path) -> None:
    source, target = whole(tmp_path / "a"), Node(tmp_path / "b")
    took = target.moving.take(["k"], source.ask, PIECE)
    assert (took.done, took.bytes, took.failure) == (("k",), len(CONTENT), None)
    assert target.content_now == CONTENT
    # There already: nothing is asked for.
    assert target.moving.take(["k"], source.ask, PIECE).bytes == 0


def test_it_is_passed_on_while_it_comes_from_the_hub(tmp_path: Path) -> None:
    half, go_on = threading.Event(), threading.Event()

    def fetch(sink: Sink) -> None:
        # Not in order, as several connections bring it.
        sink.write(2 * PIECE, CONTENT[2 * PIECE : 4 * PIECE])
        sink.write(0, CONTENT[:PIECE])
        half.set()
        assert go_on.wait(20)
        sink.write(PIECE, CONTENT[PIECE : 2 * PIECE])
        sink.write(4 * PIECE, CONTENT[4 * PIECE :])
        sink.finish()

    first, second, third = Node(tmp_path / "a", fetch), Node(tmp_path / "b"), Node(tmp_path / "c")
    results = {}

    def take(name: str, node: Node, source: Node) -> None:
        results[name] = node.moving.take(["k"], source.ask, PIECE)

    threads = [
        threading.Thread(target=lambda: first.moving.fetch("k")),
        threading.Thread(target=take, args=("b", second, first)),
        threading.Thread(target=take, args=("c", third, second)),
    ]
    for thread in threads:
        thread.start()
    assert half.wait(20)
    piece, digest = third.moving.give("k", 0, PIECE)
    assert (piece, digest) == (CONTENT[:PIECE], hashlib.sha256(CONTENT[:PIECE]).hexdigest())
    assert not first.has("k")
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert {name: took.failure for name, took in results.items()} == {"b": None, "c": None}
    assert first.content_now == second.content_now == third.content_now == CONTENT


@pytest.mark.parametrize("times", [1, 2])
def test_a_byte_that_flips_is_sent_again(tmp_path: Path, times: int) -> None:
    source, target = whole(tmp_path / "a"), Node(tmp_path / "b")
    left, asked = times, []

    def flipping(key: str, start: int, end: int) -> Callable[[], Piece]:
        asked.append((start, end))

        def awaited() -> Piece:
            nonlocal left
            piece, digest = source.moving.give(key, start, end)
            assert piece is not None
            if start == 2 * PIECE and left:
                left -= 1
                piece = piece[:5] + bytes([piece[5] ^ 1]) + piece[6:]
            return piece, digest

        return awaited

    took = target.moving.take(["k"], flipping, PIECE)
    assert took.failure is None
    assert target.content_now == CONTENT
    assert asked.count((2 * PIECE, 3 * PIECE)) == 1 + times


def test_a_line_that_damages_all_is_of_the_source(tmp_path: Path) -> None:
    source, target = whole(tmp_path / "a"), Node(tmp_path / "b")

    def damaged(key: str, start: int, end: int) -> Callable[[], Piece]:
        return lambda: (b"x" * (end - start), source.moving.give(key, start, end)[1])

    took = target.moving.take(["k"], damaged, PIECE)
    assert (took.done, took.is_of_source, took.is_damaged) == ((), True, False)
    assert target.content_now == b""


def test_what_the_other_has_wrong_gets_no_name(tmp_path: Path) -> None:
    source, target = whole(tmp_path / "a"), Node(tmp_path / "b")
    with source.content("k").open("r+b") as file:
        file.seek(3 * PIECE)
        file.write(b"wrong")
    took = target.moving.take(["k"], source.ask, PIECE)
    assert (took.done, took.is_of_source, took.is_damaged) == ((), True, True)
    assert target.content_now == b""
    assert target.moving.take(["k"], whole(tmp_path / "c").ask, PIECE).failure is None
    assert target.content_now == CONTENT


def test_only_what_is_missing_comes(tmp_path: Path) -> None:
    source, target = whole(tmp_path / "a"), Node(tmp_path / "b")
    with target.receive("k") as sink:
        assert sink is not None
        sink.write(0, CONTENT[: 5 * PIECE + 100])
    took = target.moving.take(["k"], source.ask, PIECE)
    assert took.failure is None
    assert took.bytes == len(CONTENT) - 5 * PIECE - 100
    assert target.content_now == CONTENT


def test_a_source_that_is_gone(tmp_path: Path) -> None:
    source, target = whole(tmp_path / "a"), Node(tmp_path / "b")
    count = 0

    def dying(key: str, start: int, end: int) -> Callable[[], Piece]:
        nonlocal count
        count += 1
        if count > 3:

            def gone() -> Piece:
                raise LookupError("it is gone")

            return gone
        return source.ask(key, start, end)

    took = target.moving.take(["k"], dying, PIECE)
    assert (took.done, took.is_of_source, took.bytes) == ((), True, 3 * PIECE)
    # What came is kept.
    rest = target.moving.take(["k"], source.ask, PIECE)
    assert (rest.failure, rest.bytes) == (None, len(CONTENT) - 3 * PIECE)


def test_what_nobody_has_heard_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "_UNHEARD_OF_S", 0.2)
    with pytest.raises(LookupError):
        Node(tmp_path / "a").moving.give("k", 0, PIECE)


def test_what_is_not_there_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "NOT_YET_S", 0.2)
    node, source = Node(tmp_path / "a"), whole(tmp_path / "b")
    go_on = threading.Event()

    def slow(key: str, start: int, end: int) -> Callable[[], Piece]:
        def awaited() -> Piece:
            assert go_on.wait(20)
            return source.moving.give(key, start, end)

        return awaited

    taking = threading.Thread(target=lambda: node.moving.take(["k"], slow, PIECE))
    taking.start()
    assert node.moving.give("k", 0, PIECE) == (None, "")
    go_on.set()
    taking.join(20)
    assert node.moving.give("k", 0, PIECE)[0] == CONTENT[:PIECE]
