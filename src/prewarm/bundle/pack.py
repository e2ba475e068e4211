"""Writes a bundle. Changes with what goes into one."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from prewarm.bundle import members
from prewarm.records.errors import BundleError
from prewarm.records.listing import Digest, RepoFile
from prewarm.records.lock import LockedRepo

Hasher = Callable[[Digest, int], Any]
"""A fresh state of the hash that is locked for a content of so many bytes."""
Told = Callable[[str, int], None]
"""Is told of every file, with its size in bytes, once it is in."""


def pack(
    target: Path,
    manifest: str,
    lock: str,
    files: Iterable[tuple[LockedRepo, RepoFile, Path]],
    hasher: Hasher,
    told: Told,
) -> None:
    """Write a bundle, and give it its name when it is whole.

    Args:
        target: its path.
        manifest: its text.
        lock: its text, with every one of ``files``.
        files: what the lock names, and where the content is; each content goes in once.
        hasher: makes what a content is hashed with.
        told: is told of every file.

    Raises:
        BundleError: a content is not what is locked, or the bundle cannot be written.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        with part.open("wb") as raw, tarfile.open(fileobj=raw, mode="w", format=members.FORMAT) as archive:
            texts = {members.MANIFEST: manifest.encode(), members.LOCK: lock.encode()}
            for name, text in ((members.HEAD, members.head(*texts.values())), *texts.items()):
                archive.addfile(members.member(name, len(text)), io.BytesIO(text))
            seen = set()
            for repo, file, content in sorted(files, key=lambda one: members.blob(one[0].repo, one[1])):
                if file.digest in seen:
                    continue
                seen.add(file.digest)
                with content.open("rb") as opened:
                    hashing = _Hashing(opened, file, hasher(file.digest, file.size))
                    archive.addfile(members.member(members.blob(repo.repo, file), file.size), hashing)
                    hashing.check()
                told(file.path, file.size)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(target)
    except OSError as error:
        raise BundleError(
            f"{target} cannot be written: {error.strerror or error}", hint="name a place with room: -o"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


class _Hashing(io.RawIOBase):
    """A content that is hashed as it is read."""

    def __init__(self, opened: IO[bytes], file: RepoFile, state: Any) -> None:
        self._opened = opened
        self._file = file
        self._state = state

    def read(self, size: int = -1) -> bytes:
        found = self._opened.read(size)
        self._state.update(found)
        return found

    def check(self) -> None:
        if self._opened.read(1) or self._state.hexdigest() != self._file.digest.value:
            raise BundleError(
                f"{self._file.path} in the cache is not what is locked", hint="prewarm verify --repair, then again"
            )
