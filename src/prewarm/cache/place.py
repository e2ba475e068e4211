"""Hashes, links and small files: what a file needs to become visible. Changes with how it does."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prewarm.records.errors import CacheError
from prewarm.records.listing import Digest, RepoFile
from prewarm.worker import processes


def hasher(digest: Digest, size: int) -> hashlib._Hash:
    """A fresh state of the hash that the listing gives for a file."""
    if digest.algorithm == "sha256":
        return hashlib.sha256()
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)


_WHAT = {
    errno.EACCES: "may not be used by this user",
    errno.EPERM: "may not be used by this user",
    errno.EROFS: "is on a disk that is read-only",
    errno.ENOTDIR: "has a file on its way where a folder belongs",
    errno.EEXIST: "is a file where a folder belongs",
    errno.EISDIR: "is a folder where a file belongs",
    errno.ENOTEMPTY: "is a folder where a file belongs",
    errno.ENAMETOOLONG: "has a name that is too long for this disk",
    errno.ELOOP: "is a link that leads in circles",
    errno.EIO: "cannot be read or written: the disk fails",
}


@contextmanager
def told_as_cache_error(path: Path) -> Iterator[None]:
    """Turn the system's errors into CacheError, which says what is in the way."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise CacheError(
            "internal",
            f"a name cannot be written with this environment's encoding ({error.encoding})",
            hint="export PYTHONUTF8=1, or set LC_ALL to a UTF-8 locale; here and where the application runs",
        ) from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise CacheError(
                "no-space", f"the disk of the cache is full ({path})", hint="make room, or set HF_HOME to another disk"
            ) from None
        # Of two names the second is the one that was to be made.
        named = error.filename2 or error.filename or path
        what = _WHAT.get(error.errno or 0) or f"cannot be used: {error.strerror or error}"
        raise CacheError(
            "internal",
            f"the cache cannot be used: {named} {what}",
            hint="look at its rights and at what stands there, or set HF_HOME to another folder",
        ) from None


def size_on_disk(status: os.stat_result) -> int:
    """Bytes that a file takes: ranges of it that were never written take none."""
    return getattr(status, "st_blocks", status.st_size // 512) * 512


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


def link(blob: Path, pointer: Path, *, by_symlink: bool = True) -> None:
    """Show ``blob`` as ``pointer``: a relative symlink, else a hard link.

    Where there are no links of any kind the file is moved, as huggingface_hub does: one copy of it is on the disk.

    Args:
        blob: the file.
        pointer: where it is shown.
        by_symlink: whether symlinks may be made.
    """
    pointer.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(pointer.parent)
    try:
        if not _linked(blob, temporary, by_symlink=by_symlink):
            if not blob.is_symlink():
                os.replace(blob, pointer)
                return
            # It is a link into a store that other repositories share.
            shutil.copyfile(blob, temporary)
        os.replace(temporary, pointer)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _linked(blob: Path, name: Path, *, by_symlink: bool) -> bool:
    if by_symlink:
        with suppress(OSError, NotImplementedError):
            os.symlink(os.path.relpath(blob, name.parent), name)
            return True
    with suppress(OSError, NotImplementedError):
        os.link(blob.resolve(), name)
        return True
    return False


TEMPORARY = re.compile(rf"\.prewarm-({processes.NAMED})-[0-9a-f]{{8}}")
"""Names of files that become others: of no repository's file, since what is left of them is taken away."""


def temporary_name(folder: Path) -> Path:
    """A name for what becomes another file of ``folder``; short, as the other one's may be as long as names can be."""
    return folder / f".prewarm-{processes.named()}-{secrets.token_hex(4)}"


def write_text(path: Path, text: str) -> None:
    """Write a small file so that a reader sees the old content or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path.parent)
    try:
        temporary.write_text(text, encoding="utf-8", newline="")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
