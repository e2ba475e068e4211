"""What the API answers of a listing, and a file as it is sent. Changes with what clients read of a repository."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from prewarm.records.listing import Listing, RepoFile
from prewarm.wire import contents
from prewarm.wire.addresses import Address
from prewarm.wire.answers import Answer, api_error, json_answer

READS = ("GET", "HEAD")


@dataclass(frozen=True)
class FileContent:
    """A file of the disk as it is sent."""

    path: Path
    size: int
    """Bytes."""

    def read(self, start: int, length: int) -> bytes:
        """``length`` bytes from ``start``."""
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(length)


@dataclass(frozen=True)
class _Listed:
    """A file as trees name it."""

    size: int
    git_sha1: str
    sha256: str | None


def api(asked: Address, listing: Listing, query: Mapping[str, list[str]], body: bytes) -> Answer | None:
    """What the API says of a repository; None where it is nothing of a listing.

    Args:
        asked: an address of the API.
        listing: of the repository at the revision.
        query: of the request.
        body: of the request.
    """
    files = {file.path: _listed(file) for file in listing.files}
    if asked.word == "tree":
        if asked.path and not any(path.startswith(f"{asked.path}/") for path in files):
            return absent(listing.commit, f"{asked.path} does not exist")
        is_recursive = query.get("recursive", ["false"])[0].lower() in ("true", "1")
        return json_answer(contents.tree(files, asked.path, is_recursive=is_recursive))
    if asked.word == "paths-info":
        return json_answer(contents.paths_info(files, paths_in(body)))
    if asked.word == "commits":
        return json_answer(contents.commits(listing.commit))
    if asked.word != "revision":
        return None
    return json_answer(
        contents.repo_info(asked.repo_id, asked.repo_type, listing.commit, files, blobs="blobs" in query)
    )


def sent(commit: str, file: RepoFile, content: Path) -> Answer:
    """A file, as a Hub answers that keeps it itself; ``content`` is where it is."""
    etag = f'"{file.digest.value}"'
    said = {"X-Repo-Commit": commit, "ETag": etag}
    if file.digest.algorithm == "sha256":
        said |= {"X-Linked-ETag": etag, "X-Linked-Size": str(file.size)}
    return Answer(status=200, headers=said, body=FileContent(content, file.size))


def absent(commit: str, said: str = "Entry not found") -> Answer:
    """What is said of a file or a folder that a commit does not have."""
    return api_error(404, said, code="EntryNotFound", headers={"X-Repo-Commit": commit})


def paths_in(body: bytes) -> list[str]:
    """The paths that a request for ``paths-info`` names; none where it cannot be read."""
    try:
        said: Any = json.loads(body)["paths"] if body[:1] == b"{" else parse_qs(body.decode()).get("paths", [])
    except (ValueError, KeyError, RecursionError):
        return []
    # Each once: nobody gets more than there is.
    return list(dict.fromkeys(path for path in said if isinstance(path, str))) if isinstance(said, list) else []


def _listed(file: RepoFile) -> _Listed:
    if file.digest.algorithm == "git-sha1":
        return _Listed(file.size, file.digest.value, None)
    kept = contents.pointer(file.digest.value, file.size)
    state = contents.git_blob(len(kept))
    state.update(kept)
    return _Listed(file.size, state.hexdigest(), file.digest.value)
