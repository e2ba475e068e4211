"""A file on its way into the cache. Changes with what happens between its first byte and its name.

It is named by the hash of the whole content, so that the bytes of another version are never mixed in, and by the
process that writes it: what gets the name of the blob are the bytes that this process has hashed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from prewarm.cache import claims, journal
from prewarm.cache.place import check, hasher, told_as_cache_error
from prewarm.cache.positional import read_at, write_at
from prewarm.cache.prefix_hash import PrefixHash
from prewarm.records import ranges
from prewarm.records.errors import CacheError
from prewarm.records.listing import RepoFile
from prewarm.records.ranges import Range

JOURNALLED_BYTES = 4 << 20
"""Files from this size on are worth a journal; smaller ones are fetched again."""
_SAVE_BYTES = 2 << 20
_SAVE_S = 0.03
_SYNC_BYTES = 32 << 20


class PartialFile:
    """Takes the bytes of one file in any order; its methods may be called from several threads.

    Args:
        target: the blob's place.
        file: what the listing says of it.
        is_alone: whether nobody else can be at it, as far as locks tell.
        wrote: is told how many new bytes were written, negative ones where they are void.
    """

    def __init__(self, target: Path, file: RepoFile, *, is_alone: bool, wrote: Callable[[int], None]) -> None:
        self._target = target
        self._file = file
        self._is_alone = is_alone
        self._wrote = wrote
        self._is_kept = file.size >= JOURNALLED_BYTES
        self._path = claims.new_name(target)
        self._journal = claims.journal_of(self._path)
        self._lock = threading.RLock()
        self._descriptor: int | None = None
        self._hash = PrefixHash(hasher(file.digest, file.size))
        self._claimed: list[Range] = []
        """What a thread has written or is writing."""
        self._have: list[Range] = []
        self._synced: list[Range] = []
        self._unsaved = self._unsynced = 0
        self._saved_at = time.monotonic()
        self._syncer: threading.Thread | None = None
        if self._is_kept:
            self._take_up()

    def missing(self) -> list[Range]:
        """The ranges that have not arrived."""
        with self._lock:
            return ranges.holes(self._have, self._file.size)

    def write(self, offset: int, piece: bytes | memoryview) -> int:
        """Take bytes that start at ``offset``; those that have arrived already are left as they are.

        Returns:
            How many had not.

        Raises:
            CacheError: they cannot be written.
        """
        end = offset + len(piece)
        with self._lock:
            # What is hashed must not change any more: a server that begins anew may send other bytes this time.
            new = [(max(start, offset), stop) for start, stop in ranges.holes(self._claimed, end) if stop > offset]
            self._claimed = ranges.add(self._claimed, offset, end)
        for start, stop in new:
            self._take(start, piece[start - offset : stop - offset])
        self._wrote(ranges.total(new))
        return ranges.total(new)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes that have arrived, for whoever is to have them before the whole is there.

        Raises:
            CacheError: they cannot be read.
        """
        found = bytearray(length)
        with told_as_cache_error(self._path):
            with self._lock:
                if self._descriptor is None:
                    raise FileNotFoundError(errno.ENOENT, "nothing arrives any more", str(self._path))
                # It may be closed while this one reads.
                descriptor = os.dup(self._descriptor)
            try:
                count = read_at(descriptor, memoryview(found), offset)
            finally:
                os.close(descriptor)
        return bytes(found[:count])

    def void(self) -> None:
        """Throw away what has arrived."""
        self._close()
        claims.remove(self._path)
        with self._lock:
            self._wrote(-ranges.total(self._have))
            self._claimed, self._have, self._synced, self._unsaved, self._unsynced = [], [], [], 0, 0
            self._hash = PrefixHash(hasher(self._file.digest, self._file.size))

    def finish(self) -> None:
        """Compare size and hash with the listing, and give the file its name.

        Raises:
            CacheError: ``corrupt`` where they differ; the bytes are still there then.
        """
        with told_as_cache_error(self._path):
            descriptor = self._open()
            self._hash.follow(descriptor, self._whole())
            digest = self._hash.digest()
        check(self._file, self._size(), digest)
        with told_as_cache_error(self._path):
            # Or a crash of the machine keeps the name and loses the bytes.
            os.fsync(descriptor)
            self._check_own(descriptor)
            self._close()
            # The name may be a link into huggingface_hub's store that other repositories share: it is replaced
            # itself, never written through.
            os.replace(self._path, self._target)
            self._journal.unlink(missing_ok=True)
            claims.give_up(self._path)
        if self._is_kept:
            for path in claims.abandoned(self._target, is_alone=self._is_alone):
                own = claims.new_name(self._target)
                if claims.take(path, own):
                    claims.remove(own)
                claims.give_up(own)

    def close(self) -> None:
        """Keep what has arrived for the next run, where that is worth it."""
        descriptor = self._descriptor
        if descriptor is not None:
            with contextlib.suppress(OSError, CacheError):
                if self._is_kept and self._have:
                    os.fsync(descriptor)
                    self._check_own(descriptor)
                    journal.write(self._journal, self._file, written=self._have, synced=self._have)
                    claims.put_to_rest(self._path, self._target)
                else:
                    claims.remove(self._path)
            self._close()
        claims.give_up(self._path)

    def _check_own(self, descriptor: int) -> None:
        """Raise CacheError where the name is not that of the bytes that were written."""
        try:
            is_own = os.path.samestat(os.fstat(descriptor), self._path.lstat())
        except FileNotFoundError:
            is_own = False
        if not is_own:
            raise CacheError(
                "corrupt",
                f"{self._file.path} was taken away while it arrived",
                hint="another program writes into the cache; nothing wrong was kept",
            )

    def _take(self, offset: int, piece: bytes | memoryview) -> None:
        with told_as_cache_error(self._path):
            descriptor = self._open()
            write_at(descriptor, piece, offset)
        with self._lock:
            self._have = ranges.add(self._have, offset, offset + len(piece))
        self._hash.offer(offset, piece)
        self._hash.follow(descriptor, self._whole())
        if self._is_kept:
            self._keep(descriptor, len(piece))

    def _whole(self) -> int:
        """Up to where the file is whole."""
        with self._lock:
            return self._have[0][1] if self._have and self._have[0][0] == 0 else 0

    def _size(self) -> int:
        """The size to judge: too small where something is missing, too large where there is more."""
        with self._lock:
            whole = self._whole()
            return whole if whole < self._file.size else self._have[-1][1] if self._have else 0

    def _open(self) -> int:
        with self._lock:
            if self._descriptor is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                # A new file, or the one that was taken over: never what somebody has put there.
                fresh = 0 if self._have else os.O_CREAT | os.O_EXCL
                flags = os.O_RDWR | fresh | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
                self._descriptor = os.open(self._path, flags, 0o666)
            return self._descriptor

    def _close(self) -> None:
        self._hash.end()
        with self._lock:
            syncer, self._syncer = self._syncer, None
        if syncer is not None:
            syncer.join()
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _take_up(self) -> None:
        for path in claims.abandoned(self._target, is_alone=self._is_alone):
            if not claims.take(path, self._path):
                continue
            with contextlib.suppress(OSError):
                self._have = journal.read(self._journal, self._file, self._path.lstat().st_size)
            if self._have:
                break
            # Bytes that nobody vouches for.
            claims.remove(self._path)
        if self._have:
            self._claimed, self._synced = list(self._have), list(self._have)
            self._wrote(ranges.total(self._have))
            with told_as_cache_error(self._path):
                self._hash.follow(self._open(), self._whole())

    def _keep(self, descriptor: int, count: int) -> None:
        with self._lock:
            self._unsynced += count
            if self._unsynced >= _SYNC_BYTES and (self._syncer is None or not self._syncer.is_alive()):
                # While the line is the slower of the two, so that the disk has little left to do at the end.
                self._unsynced = 0
                self._syncer = threading.Thread(
                    target=self._sync, args=(descriptor, list(self._have)), name="sync", daemon=True
                )
                self._syncer.start()
            self._unsaved += count
            now = time.monotonic()
            if self._unsaved < _SAVE_BYTES or now - self._saved_at < _SAVE_S:
                return
            self._unsaved, self._saved_at = 0, now
            written, synced = list(self._have), list(self._synced)
        with told_as_cache_error(self._journal):
            journal.write(self._journal, self._file, written=written, synced=synced)

    def _sync(self, descriptor: int, written: list[Range]) -> None:
        # A full disk is told to the one who writes or finishes.
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
            with self._lock:
                self._synced = written
