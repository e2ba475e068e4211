"""A cache that is not written: what a dry run reads is kept in memory. Changes with the Cache protocol."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from prewarm.cache.disk import DiskCache
from prewarm.cache.place import check, hasher
from prewarm.flow.ports import Sink
from prewarm.flow.stop import Stop
from prewarm.records.listing import Digest, Listing, Repo, RepoFile
from prewarm.records.lock import LockedEntry, LockedRepo
from prewarm.records.ranges import Range, add, holes, total


class Preview:
    """Shows another cache.

    Args:
        disk: the cache that is looked at.
    """

    def __init__(self, disk: DiskCache) -> None:
        self._disk = disk
        self._read: dict[Digest, bytes] = {}

    @property
    def root(self) -> Path:
        """The folder of the other cache."""
        return self._disk.root

    def scan(self, locked: LockedEntry) -> frozenset[tuple[Repo, str]]:
        """What the other cache has."""
        return self._disk.scan(locked)

    def has(self, repo: LockedRepo, file: RepoFile) -> bool:
        """Whether the file was read, or is in the other cache."""
        return file.digest in self._read or self._disk.has(repo, file)

    def reserve(self, files: Collection[tuple[LockedRepo, RepoFile]]) -> None:
        """As the other cache: a dry run says that there is no room."""
        self._disk.reserve(files)

    def release(self, files: Collection[tuple[LockedRepo, RepoFile]]) -> None:
        """As the other cache."""
        self._disk.release(files)

    @contextmanager
    def receive(
        self,
        repo: LockedRepo,
        file: RepoFile,
        stop: Stop,  # noqa: ARG002 (nobody is waited for)
        awaited: Callable[[str, float], None],  # noqa: ARG002
    ) -> Iterator[Sink | None]:
        """A sink into memory; None where the other cache has the file."""
        if self._disk.has(repo, file):
            yield None
            return
        sink = _MemorySink(file)
        yield sink
        self._read[file.digest] = bytes(sink.content)

    def read(self, repo: LockedRepo, file: RepoFile) -> bytes:
        """The content of a file, from memory or from the other cache."""
        kept = self._read.get(file.digest)
        return kept if kept is not None else self._disk.read(repo, file)

    def stamp(self, repo: LockedRepo, file: RepoFile) -> tuple[int, ...]:
        """As the other cache."""
        return self._disk.stamp(repo, file)

    def is_right(self, repo: LockedRepo, file: RepoFile) -> bool:
        """As the other cache."""
        return self._disk.is_right(repo, file)

    def path(self, repo: LockedRepo, path: str) -> Path:
        """Where the file would be."""
        return self._disk.path(repo, path)

    def listing(self, repo: Repo) -> Listing | None:
        """What the other cache holds."""
        return self._disk.listing(repo)

    def link(self, repo: LockedRepo) -> None:
        """Nothing is written."""

    def point(self, repo: LockedRepo) -> str | None:  # noqa: ARG002 (the protocol's)
        """Nothing is written."""
        return None

    def content(self, repo: LockedRepo, file: RepoFile) -> Path:
        """Where the content of a file is that is there."""
        return self._disk.content(repo, file)

    def forget_copies(self, repo: LockedRepo) -> tuple[str, ...]:  # noqa: ARG002 (the protocol's)
        """Nothing is taken away."""
        return ()


class _MemorySink:
    def __init__(self, file: RepoFile) -> None:
        self._file = file
        # Grows as bytes arrive: what is listed is not believed.
        self.content = bytearray()
        self._have: list[Range] = []
        self._lock = threading.Lock()

    def missing(self) -> list[Range]:
        return holes(self._have, self._file.size)

    def write(self, offset: int, piece: bytes | memoryview) -> int:
        with self._lock:
            before = total(self._have)
            self.content.extend(bytes(max(0, offset - len(self.content))))
            self.content[offset : offset + len(piece)] = piece
            self._have = add(self._have, offset, offset + len(piece))
            return total(self._have) - before

    def read(self, offset: int, length: int) -> bytes:
        return bytes(self.content[offset : offset + length])

    def void(self) -> None:
        self._have = []

    def finish(self) -> None:
        state = hasher(self._file.digest, self._file.size)
        state.update(self.content)
        check(self._file, total(self._have), state.hexdigest())
