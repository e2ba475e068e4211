"""What a node can do by itself, as a protocol. Changes with what a fleet asks of a node."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from prewarm.records.errors import EntryError
from prewarm.records.failure import Failure
from prewarm.records.fleet import About, Brought, Lacking, NodeEntry, NodeProofs, Settled
from prewarm.records.plan import Fetched
from prewarm.records.ranges import Range


class Sink(Protocol):
    """Takes the bytes of one file; as prewarm.flow.ports has it."""

    def missing(self) -> list[Range]:
        """The ranges that have not arrived."""

    def write(self, offset: int, piece: bytes | memoryview) -> int:
        """Take bytes that start at ``offset``."""

    def read(self, offset: int, length: int) -> bytes:
        """Bytes that have arrived."""

    def void(self) -> None:
        """Throw away what has arrived."""

    def finish(self) -> None:
        """Compare size and hash, and give the file its name."""


class Host(Protocol):
    """One node's cache, and its way to the Hub."""

    @property
    def spent(self) -> Fetched:
        """What came from the Hub so far, and what that took."""

    def about(self) -> About:
        """What it says of itself."""

    def lacking(self) -> Lacking:
        """What its cache has and has not, asking nobody; room is made sure of for what it has not."""

    def resolve(self) -> Settled:
        """Ask the Hub which files the entries consist of that are not locked."""

    def settle(self) -> Settled:
        """Load entries whose files nobody could know all of, as an ordinary run does."""

    def look_at(self, key: str) -> bool:
        """Whether a blob is what is locked; what is not is taken away.

        Raises:
            CacheError: that cannot be done.
        """

    def take_lock(self, lock: str) -> None:
        """Work with this lock from now on."""

    def fetch(self, key: str, sink: Sink) -> Brought:
        """Bring one blob from the Hub into ``sink``, and give it its name."""

    def has(self, key: str) -> bool:
        """Whether a blob is whole, and in the cache."""

    def receive(self, key: str) -> AbstractContextManager[Sink | None]:
        """A sink for one blob; None where it has come meanwhile.

        Raises:
            CacheError: the cache cannot be written.
        """

    def size(self, key: str) -> int:
        """Bytes of a blob."""

    def content(self, key: str) -> Path:
        """Where a blob is that is whole."""

    def show(self, failed: Mapping[str, Failure]) -> None:
        """Let applications find the entries, but for those that have failed."""

    def prove(self, failed: Mapping[str, Failure]) -> NodeProofs:
        """Load the entries, but for those that have failed."""

    def accept(self, found: NodeProofs) -> None:
        """Take over what a node of the same environment has found out."""

    def entries(self, failed: Mapping[str, Failure]) -> tuple[NodeEntry, ...]:
        """What became of each entry here, as ``prewarm check`` says it."""

    def unforeseen(self, error: Exception) -> EntryError:
        """Write the trace of what nobody foresaw; gives what to say of it."""

    def stop(self) -> None:
        """End what is under way; what has arrived is kept."""


Piece = tuple[bytes | None, str]
"""Bytes of a blob and their sha256; None: they are not there yet."""
