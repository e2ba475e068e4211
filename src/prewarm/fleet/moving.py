"""Blobs on their way to a node, and from there to others. Changes with what passes between two nodes.

A blob comes in pieces, in order, each with its sha256: a byte that flips between two nodes is noticed at once, and the
piece is sent again. What has come is passed on before the whole is there, also while it comes from the Hub; on every
node it gets its name by the hash of the whole, and not before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from prewarm.fleet.coming import Coming, sha256
from prewarm.fleet.host import Host, Piece
from prewarm.records.errors import CacheError, EntryError
from prewarm.records.failure import Failure
from prewarm.records.fleet import Brought, Took
from prewarm.records.plan import Fetched
from prewarm.records.ranges import Range

Ask = Callable[[str, int, int], Callable[[], Piece]]
"""Asks another node for a range of a blob; what it gives waits for the answer, or raises LookupError."""
AskMany = Callable[[Sequence[str]], list[Piece]]
"""Asks another node for whole blobs; raises LookupError where it fails."""
_SMALL_BYTES = 1 << 16
"""Blobs up to this size come together in one answer."""
_AT_ONCE = 128
NOT_YET_S = 10.0
"""How long a node waits for a piece before it says that it has not come yet."""
PATIENCE_S = 120.0
"""The longest that no new piece of a blob comes."""
_UNHEARD_OF_S = 5.0
"""How long a node waits for its own order to bring what it is asked for already."""
_SAME_PIECE = 3
"""How often a piece is asked for that arrives damaged."""


class _OfSource(Exception):
    """The other node does not give it."""

    def __init__(self, said: str, *, is_damaged: bool = False) -> None:
        super().__init__(said)
        self.said = said
        self.is_damaged = is_damaged


class Moving:
    """Brings blobs, and gives pieces of them; its methods may be called from several threads.

    Args:
        host: the node's cache, and its way to the Hub.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._changed = threading.Condition()
        self._expected: list[str] = []
        """Keys that an order brings, or will bring."""
        self._coming: dict[str, Coming] = {}
        self._peer_bytes = 0

    @property
    def peer_bytes(self) -> int:
        """That have come from other nodes."""
        return self._peer_bytes

    def give(self, key: str, start: int, end: int) -> Piece:
        """A range of a blob and its sha256; without bytes where it has not come yet.

        Raises:
            LookupError: it is not here, and does not come.
            OSError: it cannot be read.
        """
        until = time.monotonic() + NOT_YET_S
        coming = self._heard_of(key, until)
        if coming is not None:
            piece = coming.piece(start, end, until)
            if piece is not None:
                return piece
        elif not self._host.has(key):
            return None, ""
        if not self._host.has(key):
            raise LookupError("it did not arrive there")
        with self._host.content(key).open("rb") as file:
            file.seek(start)
            found = file.read(end - start)
        return found, sha256(found)

    def give_many(self, keys: Sequence[str]) -> list[Piece]:
        """Blobs as they are here, whole; without bytes those that are not here yet, or cannot be read."""
        found: list[Piece] = []
        for key in keys:
            piece: bytes | None = None
            if self._host.has(key):
                with suppress(OSError):
                    piece = self._host.content(key).read_bytes()
            found.append((piece, sha256(piece) if piece is not None else ""))
        return found

    def fetch(self, key: str) -> Brought:
        """Bring one blob here from the Hub."""
        with self._expecting([key]):
            try:
                with self._arriving(key) as coming:
                    return self._host.fetch(key, coming) if coming is not None else Brought(spent=Fetched())
            except EntryError as error:
                return Brought(spent=Fetched(), failure=error.as_failure())

    def take(self, keys: Sequence[str], ask: Ask, piece_bytes: int, ask_many: AskMany | None = None) -> Took:
        """Bring blobs here, one after the other, from the node that ``ask`` asks; ``ask_many`` for small ones."""
        done: list[str] = []
        at_once: dict[str, bytes] = {}
        before = self._peer_bytes
        failure, is_of_source, is_damaged = None, False, False
        with self._expecting(keys):
            for at, key in enumerate(keys):
                try:
                    if ask_many is not None and at % _AT_ONCE == 0:
                        at_once = self._small(keys[at : at + _AT_ONCE], ask_many)
                    self._take(key, ask, piece_bytes, at_once.pop(key, None))
                except _OfSource as error:
                    is_of_source, is_damaged = True, error.is_damaged
                    failure = Failure(kind="unreachable", message=error.said, hint="run it again")
                    break
                except EntryError as error:
                    failure = error.as_failure()
                    break
                done.append(key)
        return Took(
            done=tuple(done),
            bytes=self._peer_bytes - before,
            failure=failure,
            is_of_source=is_of_source,
            is_damaged=is_damaged,
        )

    def _small(self, keys: Sequence[str], ask_many: AskMany) -> dict[str, bytes]:
        """Small blobs that come in one answer; those that do not, or not as they should, come as all others do."""
        small = [key for key in keys if self._host.size(key) <= _SMALL_BYTES and not self._host.has(key)]
        if len(small) < 2:
            return {}
        try:
            pieces = ask_many(small)
        except LookupError:
            return {}
        return {
            key: piece
            for key, (piece, digest) in zip(small, pieces, strict=False)
            if piece is not None and len(piece) == self._host.size(key) and sha256(piece) == digest
        }

    def _take(self, key: str, ask: Ask, piece_bytes: int, there: bytes | None = None) -> None:
        with self._arriving(key) as coming:
            if coming is None:
                return
            if there is not None:
                self._peer_bytes += coming.write(0, there)
            for start, piece, digest in _pieces(key, coming.missing(), ask, piece_bytes, self._host.size(key)):
                coming.keep_digest(start, start + len(piece), digest)
                self._peer_bytes += coming.write(start, piece)
            try:
                coming.finish()
            except CacheError as error:
                if error.kind != "corrupt":
                    raise
                # Every piece is as the other node has it.
                coming.void()
                raise _OfSource("what the other node has is not what is locked", is_damaged=True) from None

    @contextmanager
    def _arriving(self, key: str) -> Iterator[Coming | None]:
        with self._host.receive(key) as sink:
            if sink is None:
                yield None
                return
            coming = Coming(sink)
            with self._changed:
                self._coming[key] = coming
                self._changed.notify_all()
            try:
                yield coming
            finally:
                with self._changed:
                    del self._coming[key]
                coming.end()

    @contextmanager
    def _expecting(self, keys: Sequence[str]) -> Iterator[None]:
        with self._changed:
            self._expected += keys
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                for key in keys:
                    self._expected.remove(key)
                self._changed.notify_all()

    def _heard_of(self, key: str, until: float) -> Coming | None:
        """What brings a blob; None where it is here already, or has not begun to come by then.

        Raises:
            LookupError: nothing is known of it.
        """
        # The order that brings it here may be on its way, as its child's was.
        unheard_of = min(until, time.monotonic() + _UNHEARD_OF_S)
        with self._changed:
            while key not in self._coming and not self._host.has(key):
                now = time.monotonic()
                if key not in self._expected and now >= unheard_of:
                    raise LookupError("it does not come there")
                if now >= until:
                    break
                self._changed.wait((until if key in self._expected else unheard_of) - now)
            return self._coming.get(key)


def _pieces(
    key: str, missing: Sequence[Range], ask: Ask, piece_bytes: int, size: int
) -> Iterator[tuple[int, bytes, str]]:
    """What is missing, in order; while one piece is written, the next one comes."""
    todo = list(_cut(missing, piece_bytes, size))
    following = ask(key, *todo[0]) if todo else None
    for at, (start, end) in enumerate(todo):
        assert following is not None
        awaited = following
        following = ask(key, *todo[at + 1]) if at + 1 < len(todo) else None
        yield start, *_right(key, start, end, ask, awaited)


def _right(key: str, start: int, end: int, ask: Ask, awaited: Callable[[], Piece]) -> tuple[bytes, str]:
    until = time.monotonic() + PATIENCE_S
    damaged = 0
    while True:
        try:
            piece, digest = awaited()
        except LookupError as error:
            raise _OfSource(str(error.args[0]) if error.args else "it is gone") from None
        if piece is None:
            if time.monotonic() > until:
                raise _OfSource(f"no piece of it has come to the other node for {PATIENCE_S:.0f} s")
        elif len(piece) == end - start and sha256(piece) == digest:
            return piece, digest
        elif (damaged := damaged + 1) >= _SAME_PIECE:
            raise _OfSource("what it sends arrives damaged again and again")
        awaited = ask(key, start, end)


def _cut(missing: Sequence[Range], piece_bytes: int, size: int) -> Iterator[Range]:
    """The pieces that have something missing, on one grid, so that a piece is the same for all nodes."""
    for start in range(0, size, piece_bytes):
        end = min(size, start + piece_bytes)
        if any(low < end and start < high for low, high in missing):
            yield start, end
