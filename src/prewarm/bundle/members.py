"""The members of a bundle, in their order: head, manifest, lock, blobs. Changes with the schema."""

from __future__ import annotations

import hashlib
import json
import tarfile

from prewarm.records.listing import Repo, RepoFile

SCHEMA = 1
HEAD, MANIFEST, LOCK = "bundle.json", "prewarm.toml", "prewarm.lock"
TEXT_MAX_BYTES = 64 << 20
FORMAT = tarfile.GNU_FORMAT


def head(manifest: bytes, lock: bytes) -> bytes:
    """What says that it is a bundle, of which schema, and the hashes of its texts; the lock has those of the rest."""
    said = {"prewarm": "bundle", "schema": SCHEMA, "manifest": sha256(manifest), "lock": sha256(lock)}
    return json.dumps(said).encode() + b"\n"


def sha256(text: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(text).hexdigest()


def blob(repo: Repo, file: RepoFile) -> str:
    """The member with the content of a file: where the cache has it, so that ``tar -x`` puts it there as well."""
    return f"hub/{repo.folder}/blobs/{file.digest.value}"


def member(name: str, size: int) -> tarfile.TarInfo:
    """A regular file, of nobody and of no time."""
    found = tarfile.TarInfo(name)
    found.size, found.mode = size, 0o644
    return found
