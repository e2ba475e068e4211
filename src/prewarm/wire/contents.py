"""What the API says of a repository and of its files. Changes with the Hub's documents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

_ANY_TIME = "2026-01-01T00:00:00.000Z"


class Stored(Protocol):
    """One file of a commit."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def git_sha1(self) -> str:
        """The id of git's blob: of the content, or of the pointer for a file in LFS."""

    @property
    def sha256(self) -> str | None:
        """Of the content, for a file in LFS; None for a file in git."""


def pointer(sha256: str, size: int) -> bytes:
    """What git holds of a file in LFS."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def git_blob(size: int) -> hashlib._Hash:
    """A fresh state of the hash that git names a blob by; ``size`` in bytes."""
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)


def tree(files: Mapping[str, Stored], folder: str = "", *, is_recursive: bool) -> list[dict[str, Any]]:
    """The files and folders below ``folder``, in the order of their paths."""
    prefix = f"{folder}/" if folder else ""
    inside = {path: file for path, file in files.items() if path.startswith(prefix)}
    entries = [tree_file(path, file) for path, file in inside.items() if is_recursive or "/" not in path[len(prefix) :]]
    entries += [_tree_folder(path) for path in sorted(_folders(inside, prefix, is_recursive=is_recursive))]
    return sorted(entries, key=lambda entry: str(entry["path"]))


def paths_info(files: Mapping[str, Stored], paths: Iterable[str]) -> list[dict[str, Any]]:
    """The files and folders that are named, those of them that there are."""
    found = []
    for path in paths:
        if path in files:
            found.append(tree_file(path, files[path]))
        elif any(other.startswith(f"{path.rstrip('/')}/") for other in files):
            found.append(_tree_folder(path.rstrip("/")))
    return found


def _tree_folder(path: str) -> dict[str, Any]:
    return {"type": "directory", "oid": "0" * 40, "size": 0, "path": path}


def tree_file(path: str, file: Stored) -> dict[str, Any]:
    """One file of a tree."""
    entry: dict[str, Any] = {"type": "file", "oid": file.git_sha1, "size": file.size, "path": path}
    if file.sha256 is not None:
        size = len(pointer(file.sha256, file.size))
        entry["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": size}
    return entry


def repo_info(
    repo_id: str,
    repo_type: str,
    commit: str,
    files: Mapping[str, Stored],
    *,
    blobs: bool,
    private: bool = False,
    gated: str | None = None,
    made_for: str | None = None,
    pipeline_tag: str | None = None,
    license_: str | None = None,
) -> dict[str, Any]:
    """A repository at a commit; ``blobs`` adds sizes and hashes."""
    siblings: list[dict[str, Any]] = []
    for path, file in files.items():
        sibling: dict[str, Any] = {"rfilename": path}
        if blobs:
            sibling.update({"blobId": file.git_sha1, "size": file.size})
            if file.sha256 is not None:
                size = len(pointer(file.sha256, file.size))
                sibling["lfs"] = {"sha256": file.sha256, "size": file.size, "pointerSize": size}
        siblings.append(sibling)
    said: dict[str, Any] = {
        "_id": commit[:24],
        "id": repo_id,
        "author": repo_id.split("/", maxsplit=1)[0],
        "sha": commit,
        "private": private,
        "gated": gated or False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": [],
        "createdAt": _ANY_TIME,
        "lastModified": _ANY_TIME,
        "siblings": siblings,
    }
    if repo_type == "model":
        said["modelId"] = repo_id
    if pipeline_tag:
        said["pipeline_tag"] = pipeline_tag
    if license_:
        said["cardData"] = {"license": license_}
        said["tags"] = [f"license:{license_}"]
    if made_for:
        said["library_name"] = made_for
    return said


def commits(commit: str) -> list[dict[str, Any]]:
    """The history as far as it is told: the commit itself."""
    return [{"id": commit, "title": "", "message": "", "authors": [], "date": _ANY_TIME}]


def refs(branches: Mapping[str, str], tags: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """Branches and tags of a repository, by name, with their commits."""

    def told(kind: str, named: Mapping[str, str]) -> list[dict[str, str]]:
        return [{"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": commit} for name, commit in named.items()]

    return {"branches": told("heads", branches), "tags": told("tags", tags), "converts": []}


def _folders(paths: Iterable[str], prefix: str, *, is_recursive: bool) -> set[str]:
    found = set()
    for path in paths:
        steps = path[len(prefix) :].split("/")[:-1]
        for depth in range(1, len(steps) + 1 if is_recursive else min(2, len(steps) + 1)):
            found.add(prefix + "/".join(steps[:depth]))
    return found
