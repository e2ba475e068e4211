"""Whether a file that is there has the content that was locked. Changes with the hashes that the Hub gives."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable
from pathlib import Path

from prewarm.cache.place import hasher, told_as_cache_error
from prewarm.records.listing import RepoFile

_BLOCK_BYTES = 4 << 20
"""Large enough that a thread rarely asks for the interpreter's lock, which hashing and reading do without."""


def is_right(path: Path, file: RepoFile, read: Callable[[int], None]) -> bool | None:
    """Whether the file at ``path`` is ``file``; None where it is not there.

    Raises:
        CacheError: it may not be read, or is no file; that says nothing of its content.

    Args:
        path: of the file.
        file: what was locked of it.
        read: is told how many bytes were read.
    """
    states = [hasher(file.digest, file.size)]
    if file.code_sha256 and file.digest.algorithm != "sha256":
        states.append(hashlib.sha256())
    size = 0
    buffer = bytearray(_BLOCK_BYTES)
    view = memoryview(buffer)
    try:
        with path.open("rb", buffering=0) as opened:
            while count := opened.readinto(buffer):
                for state in states:
                    state.update(view[:count])
                size += count
                read(count)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno != errno.EIO:
            with told_as_cache_error(path):
                raise
        # The disk does not give it back.
        return False
    wanted = [file.digest.value, file.code_sha256]
    return size == file.size and all(
        state.hexdigest() == value for state, value in zip(states, wanted[: len(states)], strict=True)
    )
