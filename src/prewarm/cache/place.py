"""Hashes, links and small files: what a file needs to become visible. Changes with how it does."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prewarm.records.errors import CacheError
from prewarm.records.listing import Digest, RepoFile


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
