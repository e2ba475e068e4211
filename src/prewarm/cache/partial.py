"""A file on its way into the cache: its bytes in any order, what is whole of it, and its hash. Survives a kill.

Changes with what makes a partial file trustworthy. It is named by the hash of the whole content, so that the bytes of
another version are never mixed in. Beside it lies a journal of the ranges that are whole: those written, which hold
until the machine restarts, and those synced to the disk, which hold after a loss of power as well. Whatever the journal
says, the file gets its name only when the hash of all of its bytes is right.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from pathlib import Path

from prewarm import ranges
from prewarm.cache.place import check, hasher, told_as_cache_error, write_text
from prewarm.ranges import Range
from prewarm.records import RepoFile

JOURNALLED_BYTES = 4 << 20
"""Files from this size on are worth a journal; smaller ones are fetched again."""
_SAVE_BYTES = 4 << 20
_SAVE_S = 0.2
_SYNC_BYTES = 32 << 20
_BLOCK_BYTES = 1 << 20
SUFFIX = ".prewarm.incomplete"
JOURNAL_SUFFIX = ".prewarm.json"


class PartialFile:
    """Takes the bytes of one file in any order; its methods may be called from several threads.

    Args:
        target: the blob's place.
        file: what the listing says of it.
        resumes: whether to go on from a partial file and to leave one: only where nobody else writes it.
        token: what the name is made of where it does not resume.
    """

    def __init__(self, target: Path, file: RepoFile, *, resumes: bool, token: str = "") -> None:
        self._target = target
        self._file = file
        self._is_kept = resumes and file.size >= JOURNALLED_BYTES
        middle = "" if resumes else f".{token}"
        self._path = target.with_name(f"{target.name}{middle}{SUFFIX}")
        self._journal = target.with_name(f"{target.name}{JOURNAL_SUFFIX}")
        self._descriptor: int | None = None
        self._changed = threading.Condition()
        self._claimed: list[Range] = []
        """What a thread has written or is writing."""
        self._have: list[Range] = []
        self._synced: list[Range] = []
        self._state = hasher(file.digest, file.size)
        self._hashed = 0
        self._is_hashing = False
        self._follower: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._syncer: threading.Thread | None = None
        self._unsaved = self._unsynced = 0
        self._saved_at = time.monotonic()
        if self._is_kept:
            self._take_up()

    def missing(self) -> list[Range]:
        """The ranges that have not arrived."""
        with self._changed:
            return ranges.holes(self._have, self._file.size)

    def write(self, offset: int, piece: bytes) -> None:
        """Take bytes that start at ``offset``; those that have arrived already are left as they are.

        Raises:
            CacheError: they cannot be written.
        """
        end = offset + len(piece)
        with self._changed:
            # What is hashed must not change any more: a server that begins anew may send other bytes this time.
            new = [(max(start, offset), min(stop, end)) for start, stop in ranges.holes(self._claimed, end)]
            self._claimed = ranges.add(self._claimed, offset, end)
        for start, stop in new:
            if start < stop:
                self._take(start, piece[start - offset : stop - offset])

    def _take(self, offset: int, piece: bytes) -> None:
        with told_as_cache_error(self._path):
            descriptor = self._open()
            _write_at(descriptor, piece, offset)
        with self._changed:
            self._have = ranges.add(self._have, offset, offset + len(piece))
            in_order = offset == self._hashed and not self._is_hashing
            self._is_hashing = self._is_hashing or in_order
        if in_order:
            # No second look at what comes in order.
            self._state.update(piece)
            with self._changed:
                self._hashed += len(piece)
                self._is_hashing = False
        self._follow()
        self._save(len(piece))

    def void(self) -> None:
        """Throw away what has arrived."""
        self._end_threads()
        with self._changed:
            self._close()
            with contextlib.suppress(OSError):
                self._path.unlink()
            with contextlib.suppress(OSError):
                self._journal.unlink()
            self._claimed = []
            self._have, self._synced, self._hashed, self._unsaved, self._unsynced = [], [], 0, 0, 0
            self._state = hasher(self._file.digest, self._file.size)

    def finish(self) -> None:
        """Compare size and hash with the listing, and give the file its name.

        Raises:
            CacheError: ``corrupt`` where they differ; the bytes are still there then.
        """
        with told_as_cache_error(self._path):
            descriptor = self._open()
        whole = ranges.add(self._have, 0, 0)
        arrived = whole[0][1] if whole and whole[0][0] == 0 else 0
        self._wait_for_hash(arrived)
        size = max((end for _, end in whole), default=0)
        check(self._file, arrived if arrived < self._file.size else size, self._state.hexdigest())
        self._end_threads()
        with told_as_cache_error(self._path):
            # Or a crash of the machine keeps the name and loses the bytes.
            os.fsync(descriptor)
            self._close()
            # The name may be a link into huggingface_hub's store that other repositories share: it is replaced
            # itself, never written through.
            os.replace(self._path, self._target)
            with contextlib.suppress(OSError):
                self._journal.unlink()

    def close(self) -> None:
        """Keep what has arrived for the next run, where that is worth it."""
        self._end_threads()
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError):
            if self._is_kept and self._have:
                if self._descriptor is not None:
                    os.fsync(self._descriptor)
                self._synced = list(self._have)
                self._save_now()
            else:
                self._path.unlink()
                self._journal.unlink(missing_ok=True)
        self._close()

    # --- The file and its journal ---------------------------------------------------------------------------------

    def _open(self) -> int:
        with self._changed:
            if self._descriptor is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                fresh = 0 if self._have else os.O_TRUNC
                self._descriptor = os.open(
                    self._path, os.O_RDWR | os.O_CREAT | fresh | getattr(os, "O_BINARY", 0), 0o666
                )
            return self._descriptor

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _take_up(self) -> None:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            said = json.loads(self._journal.read_text(encoding="utf-8"))
            if (said["digest"], said["size"]) != (self._file.digest.value, self._file.size):
                return
            trusted = said["written"] if said["boot"] == _boot() else said["synced"]
            there = self._path.stat().st_size
            found: list[Range] = []
            for start, end in trusted:
                if 0 <= int(start) < int(end) <= min(there, self._file.size):
                    found = ranges.add(found, int(start), int(end))
            self._have = found
            self._claimed = list(found)
            self._synced = list(found)
            if found:
                with told_as_cache_error(self._path):
                    self._open()
                self._follow()

    def _save(self, count: int) -> None:
        if not self._is_kept:
            return
        with self._changed:
            self._unsynced += count
            if self._unsynced >= _SYNC_BYTES and self._syncer is None:
                self._syncer = threading.Thread(target=self._sync_on, name="sync", daemon=True)
                self._syncer.start()
            self._unsaved += count
            now = time.monotonic()
            if self._unsaved < _SAVE_BYTES or now - self._saved_at < _SAVE_S:
                return
            self._unsaved, self._saved_at = 0, now
        with told_as_cache_error(self._journal):
            self._save_now()

    def _save_now(self) -> None:
        with self._changed:
            said = {
                "digest": self._file.digest.value,
                "size": self._file.size,
                "boot": _boot(),
                "written": self._have,
                "synced": self._synced,
            }
        write_text(self._journal, json.dumps(said))

    def _sync_on(self) -> None:
        # While the line is the slower of the two, so that the disk has little left to do at the end.
        me = threading.current_thread()
        while True:
            with self._changed:
                while self._unsynced < _SYNC_BYTES and self._syncer is me:
                    self._changed.wait()
                if self._syncer is not me or self._descriptor is None:
                    return
                written, self._unsynced = list(self._have), 0
                descriptor = self._descriptor
            try:
                os.fsync(descriptor)
            except OSError:
                # A full disk is told to the one who writes or finishes.
                return
            with self._changed:
                self._synced = written

    # --- The hash --------------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        """Let a thread hash what arrived out of order, as soon as the bytes before it are there."""
        with self._changed:
            if self._has_to_hash() and self._follower is None:
                self._follower = threading.Thread(target=self._hash_on, name="hash", daemon=True)
                self._follower.start()
            self._changed.notify_all()

    def _has_to_hash(self) -> bool:
        return bool(self._have) and self._have[0][0] == 0 and self._have[0][1] > self._hashed and not self._is_hashing

    def _hash_on(self) -> None:
        me = threading.current_thread()
        try:
            while True:
                with self._changed:
                    while not self._has_to_hash() and self._follower is me:
                        self._changed.wait()
                    if self._follower is not me or self._descriptor is None:
                        return
                    self._is_hashing = True
                    start, descriptor = self._hashed, self._descriptor
                    end = min(self._have[0][1], start + _BLOCK_BYTES)
                piece = _read_at(descriptor, end - start, start)
                self._state.update(piece)
                with self._changed:
                    self._hashed += len(piece)
                    self._is_hashing = False
                    self._changed.notify_all()
                if not piece:
                    raise OSError(f"{self._path} is shorter than its journal says")
        except BaseException as error:  # noqa: BLE001 (told to the thread that waits for the hash)
            with self._changed:
                self._failure, self._is_hashing = error, False
                self._changed.notify_all()

    def _wait_for_hash(self, end: int) -> None:
        self._follow()
        with self._changed:
            while self._hashed < end and self._failure is None:
                self._changed.wait()
            failure, self._failure = self._failure, None
        if failure is not None:
            with told_as_cache_error(self._path):
                raise failure

    def _end_threads(self) -> None:
        with self._changed:
            ending = [self._follower, self._syncer]
            self._follower = self._syncer = None
            self._changed.notify_all()
        for thread in ending:
            if thread is not None:
                thread.join()


def partial_bytes(target: Path) -> int:
    """Bytes on the disk of the partial file for ``target``."""
    try:
        status = target.with_name(f"{target.name}{SUFFIX}").stat()
    except OSError:
        return 0
    # Ranges that have not arrived are holes, which take no room.
    return min(status.st_size, getattr(status, "st_blocks", status.st_size // 512) * 512)


def _boot() -> str:
    # What was written and not synced holds until the machine restarts. Where it cannot be told, the hash tells.
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def _write_at(descriptor: int, piece: bytes, offset: int) -> None:
    view = memoryview(piece)
    while view:
        if hasattr(os, "pwrite"):
            count = os.pwrite(descriptor, view, offset)
        else:
            with _SEEKING:
                os.lseek(descriptor, offset, os.SEEK_SET)
                count = os.write(descriptor, view)
        view, offset = view[count:], offset + count


def _read_at(descriptor: int, count: int, offset: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(descriptor, count, offset)
    with _SEEKING:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, count)


_SEEKING = threading.Lock()
