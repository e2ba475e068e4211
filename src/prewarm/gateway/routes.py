"""What the gateway answers to which address. Changes with what clients ask a Hub for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from prewarm.gateway.child_cache import ChildCache
from prewarm.gateway.source import Source
from prewarm.records import names
from prewarm.records.listing import Listing, Refused, Repo, RepoFile
from prewarm.wire import addresses, contents
from prewarm.wire.addresses import Address
from prewarm.wire.answers import Answer, api_error, json_answer

READS = ("GET", "HEAD")
_CODES = {404: "RepoNotFound", 403: "GatedRepo", 401: "RepoNotFound"}


@dataclass(frozen=True)
class _Listed:
    """A file as trees name it."""

    size: int
    git_sha1: str
    sha256: str | None


@dataclass(frozen=True)
class _Content:
    """A blob as it is sent."""

    path: Path
    size: int

    def read(self, start: int, length: int) -> bytes:
        """``length`` bytes from ``start``."""
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(length)


class Routes:
    """Answers reads, and nothing else.

    Args:
        source: what the answers are made of.
        cache: what the child sees.
    """

    def __init__(self, source: Source, cache: ChildCache) -> None:
        self._source = source
        self._cache = cache

    def answer(self, method: str, path: str, query: str, body: bytes) -> Answer:
        """The answer; what the source raises goes on.

        Args:
            method: of the request.
            path: of the request, below the secret.
            query: of the request.
            body: of the request.
        """
        asked = addresses.parse(path)
        if asked is None or not (names.is_repo_id(asked.repo_id) and names.is_revision(asked.revision)):
            # Who asks is nobody here: there is no account.
            return api_error(401 if path.startswith("/api/whoami") else 404, "nothing that prewarm answers")
        if method not in READS and asked.word != "paths-info":
            return api_error(403, "prewarm answers reads alone")
        repo = Repo(repo_id=asked.repo_id, revision=asked.revision, repo_type=asked.repo_type)
        listing = self._source.listing(repo)
        if isinstance(listing, Refused):
            return api_error(listing.status, listing.message, code=_CODES.get(listing.status, ""))
        if asked.word == "resolve":
            return self._file(asked, repo, listing)
        return _api(asked, listing, parse_qs(query), body)

    def _file(self, asked: Address, repo: Repo, listing: Listing) -> Answer:
        said = {"X-Repo-Commit": listing.commit}
        file = listing.find(asked.path)
        if file is None:
            if names.is_path(asked.path):
                self._source.lacks(listing, asked.path)
            return api_error(404, "Entry not found", code="EntryNotFound", headers=said)
        content = self._source.bring(listing, file)
        self._cache.show(repo, file, content)
        said["ETag"] = f'"{file.digest.value}"'
        if file.digest.algorithm == "sha256":
            said |= {"X-Linked-ETag": said["ETag"], "X-Linked-Size": str(file.size)}
        return Answer(status=200, headers=said, body=_Content(content, file.size))


def _api(asked: Address, listing: Listing, query: Mapping[str, list[str]], body: bytes) -> Answer:
    files = {file.path: _listed(file) for file in listing.files}
    if asked.word == "tree":
        if asked.path and not any(path.startswith(f"{asked.path}/") for path in files):
            said = {"X-Repo-Commit": listing.commit}
            return api_error(404, f"{asked.path} does not exist", code="EntryNotFound", headers=said)
        is_recursive = query.get("recursive", ["false"])[0].lower() in ("true", "1")
        return json_answer(contents.tree(files, asked.path, is_recursive=is_recursive))
    if asked.word == "paths-info":
        return json_answer([contents.tree_file(path, files[path]) for path in _paths(body) if path in files])
    if asked.word == "commits":
        return json_answer(contents.commits(listing.commit))
    if asked.word == "refs":
        ref = {"name": asked.revision, "ref": f"refs/heads/{asked.revision}", "targetCommit": listing.commit}
        return json_answer({"branches": [ref], "tags": [], "converts": []})
    if asked.word != "revision":
        return api_error(404, "nothing that prewarm answers")
    return json_answer(
        contents.repo_info(asked.repo_id, asked.repo_type, listing.commit, files, blobs="blobs" in query)
    )


def _paths(body: bytes) -> list[str]:
    try:
        said: Any = json.loads(body)["paths"] if body[:1] == b"{" else parse_qs(body.decode()).get("paths", [])
    except (ValueError, KeyError, RecursionError):
        return []
    return [path for path in said if isinstance(path, str)] if isinstance(said, list) else []


def _listed(file: RepoFile) -> _Listed:
    if file.digest.algorithm == "git-sha1":
        return _Listed(file.size, file.digest.value, None)
    kept = contents.pointer(file.digest.value, file.size)
    state = contents.git_blob(len(kept))
    state.update(kept)
    return _Listed(file.size, state.hexdigest(), file.digest.value)
