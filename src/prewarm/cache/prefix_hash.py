"""The hash of a file whose bytes arrive in any order, of its start as far as it is whole. Changes with its ways.

Bytes that come in order are hashed on the way, without a second look. Others are read back, most likely from the page
cache, by a thread of its own, as soon as those before them are there: hashing overlaps the transfer.
"""

from __future__ import annotations

import hashlib
import threading

from prewarm.cache.positional import read_at

_BLOCK_BYTES = 1 << 20


class PrefixHash:
    """Follows a file.

    Args:
        state: a fresh state of the hash.
    """

    def __init__(self, state: hashlib._Hash) -> None:
        self._state = state
        self._changed = threading.Condition()
        self._hashed = 0
        self._whole = 0
        self._is_busy = False
        self._follower: threading.Thread | None = None
        self._failure: OSError | None = None

    def offer(self, offset: int, piece: bytes | memoryview) -> None:
        """Bytes that have just been written; hashed here where they are the next ones."""
        with self._changed:
            if offset != self._hashed or self._is_busy:
                return
            self._is_busy = True
        self._state.update(piece)
        with self._changed:
            self._hashed += len(piece)
            self._is_busy = False
            self._changed.notify_all()

    def follow(self, descriptor: int, whole: int) -> None:
        """The file is whole up to ``whole``: hash what is not hashed yet."""
        with self._changed:
            self._whole = max(self._whole, whole)
            if self._has_to_hash() and self._follower is None and self._failure is None:
                self._follower = threading.Thread(target=self._hash_on, args=(descriptor,), name="hash", daemon=True)
                self._follower.start()
            self._changed.notify_all()

    def digest(self) -> str:
        """The hash up to where the file is whole, when it has got there.

        Raises:
            OSError: the file cannot be read.
        """
        with self._changed:
            while self._hashed < self._whole and self._failure is None:
                self._changed.wait()
            if self._failure is not None:
                raise self._failure
            return self._state.hexdigest()

    def end(self) -> None:
        """Stop following, before the file is closed."""
        with self._changed:
            follower, self._follower = self._follower, None
            self._changed.notify_all()
        if follower is not None:
            follower.join()

    def _has_to_hash(self) -> bool:
        return self._whole > self._hashed and not self._is_busy

    def _hash_on(self, descriptor: int) -> None:
        me = threading.current_thread()
        view = memoryview(bytearray(_BLOCK_BYTES))
        while True:
            with self._changed:
                while not self._has_to_hash() and self._follower is me:
                    self._changed.wait()
                if self._follower is not me:
                    return
                self._is_busy = True
                start, end = self._hashed, min(self._whole, self._hashed + _BLOCK_BYTES)
            failure: OSError | None = None
            count = 0
            try:
                count = read_at(descriptor, view[: end - start], start)
            except OSError as error:
                failure = error
            self._state.update(view[:count])
            with self._changed:
                self._hashed += count
                self._is_busy = False
                if not count:
                    self._failure = failure or OSError("the partial file is shorter than it was")
                    self._follower = None
                self._changed.notify_all()
                if self._failure is not None:
                    return
