"""The cache on disk. Changes with what the flow asks of it; places, bytes and locks are its neighbours' matter."""

from __future__ import annotations

import json
import secrets
import shutil
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prewarm.cache import layout, place
from prewarm.cache.file_lock import locked as holding
from prewarm.cache.listing import listing_of
from prewarm.cache.partial import PartialFile, partial_bytes
from prewarm.flow.ports import Sink
from prewarm.flow.stop import Stop
from prewarm.records import names, units
from prewarm.records.errors import CacheError
from prewarm.records.listing import Listing, Repo, RepoFile
from prewarm.records.lock import LockedEntry, LockedRepo


class DiskCache:
    """The Hugging Face cache in a folder.

    Args:
        root: the folder that ``HF_HUB_CACHE`` names.
        forgets: whether it takes for missing what this run has not brought itself, to bring it anew.
    """

    def __init__(self, root: Path, *, forgets: bool = False) -> None:
        self._root = root
        self._forgets = forgets
        self._brought: set[Path] = set()
        self._bringing: set[Path] = set()
        """Blobs whose locks this run holds itself."""
        self._reserving = threading.Lock()
        self._reserved: dict[Path, int] = {}
        """Blob to the bytes that are still to come of it."""

    @property
    def root(self) -> Path:
        """Its folder."""
        return self._root

    def scan(self, locked: LockedEntry) -> frozenset[tuple[Repo, str]]:
        """(repository, path) of the files that are there with the right size."""
        return frozenset((repo.repo, file.path) for repo, file in locked.files if self.has(repo, file))

    def has(self, repo: LockedRepo, file: RepoFile) -> bool:
        """Whether the file is there with the right size."""
        return self._find(repo, file) is not None

    def reserve(self, files: Collection[tuple[LockedRepo, RepoFile]]) -> None:
        """Make sure that there is room for ``files``, and for all that was reserved before.

        Raises:
            CacheError: ``no-space``, with how much is missing.
        """
        blobs = {layout.blob(self._root, repo.repo, file.digest): file.size for repo, file in files}
        with self._reserving, place.told_as_cache_error(self._root):
            needed = {blob: size - partial_bytes(blob) for blob, size in blobs.items() if blob not in self._reserved}
            free = shutil.disk_usage(_existing(self._root)).free
            short = sum(self._reserved.values()) + sum(needed.values()) - free
            if short > 0:
                raise CacheError(
                    "no-space",
                    f"the disk of the cache ({self._root}) has {units.size(free)} free, {units.size(short)} too little",
                    hint="make room (prewarm clean, hf cache prune), or set HF_HOME to another disk",
                )
            self._reserved.update(needed)

    @contextmanager
    def receive(
        self, repo: LockedRepo, file: RepoFile, stop: Stop, awaited: Callable[[], None]
    ) -> Iterator[Sink | None]:
        """A sink for one file; None where another run has brought it meanwhile.

        Raises:
            CacheError: the cache cannot be written.
            Interrupted: while another run was at it.
        """
        blob = layout.blob(self._root, repo.repo, file.digest)

        def told() -> None:
            # Two entries may need one blob: that is no other run.
            if blob not in self._bringing:
                awaited()

        with holding(layout.lock(self._root, repo.repo, file.digest), stop, told) as is_held:
            # Looked for again, under the lock: the one who held it has probably fetched it.
            if self.has(repo, file):
                yield None
                return
            self._bringing.add(blob)
            sink = PartialFile(blob, file, resumes=is_held, token=secrets.token_hex(4))
            try:
                yield sink
                self._brought.add(blob)
                with self._reserving:
                    self._reserved.pop(blob, None)
            finally:
                sink.close()
                self._bringing.discard(blob)

    def remove(self, files: Iterable[tuple[LockedRepo, RepoFile]]) -> None:
        """Take away the names of damaged files, so that they are fetched again."""
        # The names only: a blob may be a link into huggingface_hub's store, which other repositories share.
        for repo, file in files:
            for path in (self.path(repo, file.path), layout.blob(self._root, repo.repo, file.digest)):
                with suppress(FileNotFoundError):
                    path.unlink()

    def read(self, repo: LockedRepo, file: RepoFile) -> bytes:
        """The content of a file that is there."""
        path = self._find(repo, file) or layout.blob(self._root, repo.repo, file.digest)
        with place.told_as_cache_error(path):
            return path.read_bytes()

    def path(self, repo: LockedRepo, path: str) -> Path:
        """The name under which a file is opened, whether it is there or not."""
        return layout.pointer(self._root, repo.repo, repo.commit, path)

    def listing(self, repo: Repo) -> Listing | None:
        """What the cache holds of ``repo`` at the commit that its revision names there; None where it names none."""
        return listing_of(self._root, repo)

    def link(self, repo: LockedRepo) -> None:
        """Show the files that are there in the snapshot of the commit, and mark those that it does not have.

        Raises:
            CacheError: the cache cannot be written.
        """
        with place.told_as_cache_error(self._root):
            for file in repo.files:
                blob = layout.blob(self._root, repo.repo, file.digest)
                pointer = layout.pointer(self._root, repo.repo, repo.commit, file.path)
                if _has_size(blob, file.size) and not _shows(pointer, blob):
                    place.link(blob, pointer)
            for path in repo.absent:
                mark = layout.absent(self._root, repo.repo, repo.commit, path)
                if not mark.exists():
                    mark.parent.mkdir(parents=True, exist_ok=True)
                    mark.touch()

    def point(self, repo: LockedRepo) -> str | None:
        """Let the revision name the commit; returns the commit that it named before, if another.

        Raises:
            CacheError: the cache cannot be written.
        """
        with place.told_as_cache_error(self._root):
            self._forget_listing(repo)
            if names.is_commit(repo.repo.revision):
                return None
            ref = layout.ref(self._root, repo.repo)
            before = ref.read_text(encoding="utf-8").strip() if ref.is_file() else None
            if before != repo.commit:
                place.write_text(ref, repo.commit)
                return before
        return None

    def _forget_listing(self, repo: LockedRepo) -> None:
        # With its own memory of a listing beside a snapshot that lacks some of it, huggingface_hub calls the snapshot
        # incomplete when it is offline, and transformers silently drops chat templates for that.
        listing = layout.listing(self._root, repo.repo, repo.commit)
        if not listing.is_file():
            return
        snapshot = layout.pointer(self._root, repo.repo, repo.commit, "x").parent
        with suppress(ValueError, KeyError, TypeError):
            if all((snapshot / path).exists() for path in json.loads(listing.read_bytes())["files"]):
                return
        listing.unlink(missing_ok=True)

    def _find(self, repo: LockedRepo, file: RepoFile) -> Path | None:
        blob = layout.blob(self._root, repo.repo, file.digest)
        if self._forgets and blob not in self._brought:
            return None
        for path in (blob, layout.pointer(self._root, repo.repo, repo.commit, file.path)):
            if _has_size(path, file.size):
                return path
        return None


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _shows(pointer: Path, blob: Path) -> bool:
    try:
        return pointer.samefile(blob) or (not pointer.is_symlink() and pointer.stat().st_size == blob.stat().st_size)
    except OSError:
        return False
