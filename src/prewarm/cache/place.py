"""Brings bytes into the cache: temporary, hash, fsync, replace, link. Changes with how a file becomes visible."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from prewarm.errors import CacheError
from prewarm.records import Digest, RepoFile


def hasher(digest: Digest, size: int) -> hashlib._Hash:
    """A fresh state of the hash that the listing gives for a file."""
    if digest.algorithm == "sha256":
        return hashlib.sha256()
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)


@contextmanager
def told_as_cache_error(path: Path) -> Iterator[None]:
    """Turn the system's errors into CacheError."""
    try:
        yield
    except OSError as error:
        said = f"{error.filename or path}: {error.strerror or error}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise CacheError(
                "no-space", f"the disk of the cache is full ({path})", hint="make room, or set HF_HOME to another disk"
            ) from None
        raise CacheError(
            "internal", f"the cache cannot be used: {said}", hint="look at its rights, or set HF_HOME to another folder"
        ) from None


class FileSink:
    """Takes the bytes of one file into a temporary one beside its place.

    Args:
        target: the blob's place.
        file: what the listing says of it.
    """

    def __init__(self, target: Path, file: RepoFile) -> None:
        self._target = target
        self._file = file
        self._partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}.incomplete")
        self._stream: BinaryIO | None = None
        self._state = hasher(file.digest, file.size)
        self._taken = 0

    def write(self, piece: bytes) -> None:
        """Take the next piece.

        Raises:
            CacheError: it cannot be written.
        """
        with told_as_cache_error(self._partial):
            if self._stream is None:
                self._target.parent.mkdir(parents=True, exist_ok=True)
                self._stream = self._partial.open("wb")
            self._stream.write(piece)
        self._state.update(piece)
        self._taken += len(piece)

    def reset(self) -> None:
        """Throw away what was taken."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        with suppress(OSError):
            self._partial.unlink()
        self._state = hasher(self._file.digest, self._file.size)
        self._taken = 0

    def finish(self) -> None:
        """Compare size and hash with the listing, and give the file its name.

        Raises:
            CacheError: ``corrupt`` where they differ.
        """
        check(self._file, self._taken, self._state.hexdigest())
        if self._stream is None:
            self.write(b"")
        with told_as_cache_error(self._partial):
            assert self._stream is not None
            self._stream.flush()
            # Or a crash of the machine keeps the name and loses the bytes.
            os.fsync(self._stream.fileno())
            self._stream.close()
            self._stream = None
            # The name may be a link into huggingface_hub's store that other repositories share: it is replaced
            # itself, never written through.
            os.replace(self._partial, self._target)


def check(file: RepoFile, size: int, digest: str) -> None:
    """Raise CacheError where what arrived is not what the Hub lists."""
    said = ""
    if size != file.size:
        said = f"arrives with {size} bytes instead of {file.size}"
    elif digest != file.digest.value:
        said = f"arrives with another {file.digest.algorithm} than the Hub lists"
    if said:
        raise CacheError(
            "corrupt",
            f"{file.path} {said}",
            hint="a proxy or the line changes bytes: try another network; nothing wrong was kept",
        )


def link(blob: Path, pointer: Path) -> None:
    """Show ``blob`` as ``pointer``: a relative symlink, or a hard link or a copy where symlinks cannot be made."""
    pointer.parent.mkdir(parents=True, exist_ok=True)
    temporary = pointer.with_name(f".{pointer.name[:100]}.{secrets.token_hex(4)}")
    try:
        try:
            os.symlink(os.path.relpath(blob, pointer.parent), temporary)
        except OSError:
            try:
                os.link(blob.resolve(), temporary)
            except OSError:
                shutil.copyfile(blob, temporary)
        os.replace(temporary, pointer)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a small file so that a reader sees the old content or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
