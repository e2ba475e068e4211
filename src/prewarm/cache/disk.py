"""The cache on disk. Changes with what the flow asks of it; places, bytes and locks are its neighbours' matter."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prewarm.cache import integrity, layout, leftovers, modules, place
from prewarm.cache.file_lock import locked as holding
from prewarm.cache.listing import listing_of
from prewarm.cache.partial import JOURNALLED_BYTES, PartialFile
from prewarm.cache.room import Room, partial_bytes
from prewarm.flow.ports import Sink
from prewarm.flow.stop import Stop
from prewarm.records import names
from prewarm.records.listing import Listing, Repo, RepoFile
from prewarm.records.lock import LockedEntry, LockedRepo


class DiskCache:
    """The Hugging Face cache in a folder.

    Args:
        root: the folder that ``HF_HUB_CACHE`` names.
        forgets: whether it takes for missing what this run has not brought itself, to bring it anew.
        by_symlink: whether files are shown by symlinks.
        modules: where transformers copies code to; None: nowhere that is known.
        lock_wait_s: the longest that another run's download of a file is waited for.
    """

    def __init__(
        self,
        root: Path,
        *,
        forgets: bool = False,
        by_symlink: bool = True,
        modules: Path | None = None,
        lock_wait_s: float = 1800.0,
    ) -> None:
        self._root = root
        self._forgets = forgets
        self._by_symlink = by_symlink
        self._modules = modules
        self._lock_wait_s = lock_wait_s
        self._room = Room(root)
        self._swept: set[Path] = set()
        self._brought: set[Path] = set()
        self._bringing: set[Path] = set()
        """Blobs whose locks this run holds itself."""

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

    def try_to_write(self) -> None:
        """Look whether the cache can be written, before anybody is asked for what would go there.

        Raises:
            CacheError: it cannot.
        """
        with place.told_as_cache_error(self._root):
            self._root.mkdir(parents=True, exist_ok=True)
            trial = place.temporary_name(self._root)
            trial.touch()
            trial.unlink()

    def begun_bytes(self, repo: LockedRepo, file: RepoFile) -> int:
        """Bytes of a file that an earlier run has left, for the next one to go on from."""
        if file.size < JOURNALLED_BYTES:
            return 0
        return partial_bytes(layout.blob(self._root, repo.repo, file.digest))

    def reserve(self, files: Collection[tuple[LockedRepo, RepoFile]]) -> None:
        """Make sure that there is room for ``files``, and for all that was reserved before.

        Raises:
            CacheError: ``no-space``, with how much is missing.
        """
        self._room.reserve(self._blobs(files))

    def release(self, files: Collection[tuple[LockedRepo, RepoFile]]) -> None:
        """Count on the room for ``files`` no more."""
        self._room.release(self._blobs(files))

    def _blobs(self, files: Collection[tuple[LockedRepo, RepoFile]]) -> dict[Path, int]:
        return {layout.blob(self._root, repo.repo, file.digest): file.size for repo, file in files}

    @contextmanager
    def receive(
        self, repo: LockedRepo, file: RepoFile, stop: Stop, awaited: Callable[[str, float], None]
    ) -> Iterator[Sink | None]:
        """A sink for one file; None where another run has brought it meanwhile.

        Raises:
            CacheError: the cache cannot be written, or another run was at it for too long.
            Interrupted: while another run was at it.
        """
        blob = layout.blob(self._root, repo.repo, file.digest)

        def told(holder: str, waited_s: float) -> None:
            # Two entries may need one blob: that is no other run.
            if blob not in self._bringing:
                awaited(holder, waited_s)

        lock = layout.lock(self._root, repo.repo, file.digest)
        with holding(lock, stop, told, limit_s=self._lock_wait_s) as is_held:
            # Looked for again, under the lock: the one who held it has probably fetched it.
            if self.has(repo, file):
                yield None
                return
            self._sweep(repo)
            self._bringing.add(blob)
            sink = PartialFile(blob, file, is_alone=is_held, wrote=lambda count: self._room.wrote(blob, count))
            try:
                yield sink
                self._brought.add(blob)
            finally:
                sink.close()
                self._bringing.discard(blob)

    def _sweep(self, repo: LockedRepo) -> None:
        """Take away what runs that were killed have left in the repository's folder, once a run."""
        folder = layout.repo_folder(self._root, repo.repo)
        if folder not in self._swept:
            self._swept.add(folder)
            for path in leftovers.temporaries(folder):
                with suppress(OSError):
                    path.unlink()

    def remove(self, files: Iterable[tuple[LockedRepo, RepoFile]]) -> None:
        """Take away the names of damaged files, so that they are fetched again."""
        # The names only: a blob may be a link into huggingface_hub's store, which other repositories share.
        for repo, file in files:
            for path in (self.path(repo, file.path), layout.blob(self._root, repo.repo, file.digest)):
                with suppress(FileNotFoundError):
                    path.unlink()

    def read(self, repo: LockedRepo, file: RepoFile) -> bytes:
        """The content of a file that is there."""
        path = self.content(repo, file)
        with place.told_as_cache_error(path):
            return path.read_bytes()

    def content(self, repo: LockedRepo, file: RepoFile) -> Path:
        """Where the content of a file is that is there."""
        return self._find(repo, file) or layout.blob(self._root, repo.repo, file.digest)

    def stamp(self, repo: LockedRepo, file: RepoFile) -> tuple[int, ...]:
        """Device, inode, size and times, in nanoseconds; empty: it is not there."""
        try:
            found = self.path(repo, file.path).stat()
        except OSError:
            return ()
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def is_right(self, repo: LockedRepo, file: RepoFile) -> bool:
        """Whether a file has the content that was locked."""
        return integrity.is_right(self.path(repo, file.path), file, lambda _: None) is True

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
        self._sweep(repo)
        with place.told_as_cache_error(self._root):
            for file in repo.files:
                blob = layout.blob(self._root, repo.repo, file.digest)
                pointer = layout.pointer(self._root, repo.repo, repo.commit, file.path)
                if _has_size(blob, file.size) and not _shows(pointer, blob):
                    place.link(blob, pointer, by_symlink=self._by_symlink)
        for path in repo.absent:
            mark = layout.absent(self._root, repo.repo, repo.commit, path)
            # They save requests, and nothing more: a cache that cannot be written does without.
            with suppress(OSError, ValueError):
                if not mark.exists():
                    mark.parent.mkdir(parents=True, exist_ok=True)
                    mark.touch()

    def point(self, repo: LockedRepo) -> str | None:
        """Let the revision name the commit; returns the commit that it named before, if another.

        Raises:
            CacheError: the cache cannot be written.
        """
        with place.told_as_cache_error(self._root):
            with suppress(OSError):
                self._forget_listing(repo)
            if names.is_commit(repo.repo.revision):
                return None
            ref = layout.ref(self._root, repo.repo)
            before = ref.read_text(encoding="utf-8", errors="replace").strip() if ref.is_file() else None
            if before != repo.commit:
                place.write_text(ref, repo.commit)
                return before
        return None

    def forget_copies(self, repo: LockedRepo) -> tuple[str, ...]:
        """Take away transformers' copies of the repository's code that are not what was locked; says so."""
        if self._modules is None or not modules.remove(self._modules, repo):
            return ()
        return (f"transformers' copy of the code of {repo.repo.repo_id} was not what is locked: taken away",)

    def _forget_listing(self, repo: LockedRepo) -> None:
        # With its own memory of a listing beside a snapshot that lacks some of it, huggingface_hub calls the snapshot
        # incomplete when it is offline, and transformers silently drops chat templates for that.
        listing = layout.listing(self._root, repo.repo, repo.commit)
        if not listing.is_file():
            return
        snapshot = layout.pointer(self._root, repo.repo, repo.commit, "x").parent
        with suppress(ValueError, KeyError, TypeError, RecursionError):
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


def _has_size(path: Path, size: int) -> bool:
    try:
        status = path.stat()
        return status.st_size == size and stat.S_ISREG(status.st_mode)
    except (OSError, ValueError):
        return False


def _shows(pointer: Path, blob: Path) -> bool:
    try:
        return pointer.samefile(blob) or (not pointer.is_symlink() and pointer.stat().st_size == blob.stat().st_size)
    except (OSError, ValueError):
        return False
