"""What the Hub says that a repository consists of, to a Listing. Changes with the Hub's API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from prewarm.records import names
from prewarm.records.errors import HubError
from prewarm.records.listing import Digest, Listing, Repo, RepoFile


def parse_info(repo: Repo, content: Any) -> tuple[Listing, bool]:
    """A listing from ``/api/models/{id}/revision/{rev}?blobs=true``, and whether sizes and hashes are in it.

    Raises:
        HubError: it is no listing, or names files outside of the repository.
    """
    if not isinstance(content, dict) or not isinstance(content.get("siblings"), list):
        raise _strange(repo, "its answer is no listing")
    commit = str(content.get("sha", ""))
    if not names.is_commit(commit):
        raise _strange(repo, "its listing has no commit")
    files = [
        _file(repo, sibling.get("rfilename"), sibling.get("size"), sibling.get("blobId"), sibling.get("lfs"))
        for sibling in content["siblings"]
    ]
    served_as = content.get("id")
    is_renamed = isinstance(served_as, str) and names.is_repo_id(served_as) and served_as != repo.repo_id
    listing = Listing(
        repo=repo,
        commit=commit,
        files=tuple(file for file in files if file is not None),
        gated=bool(content.get("gated")),
        served_as=str(served_as) if is_renamed else "",
    )
    return listing, None not in files


def parse_tree(repo: Repo, entries: Sequence[Any]) -> tuple[RepoFile, ...]:
    """The files of ``/api/models/{id}/tree/{commit}?recursive=true``, of all its pages.

    Raises:
        HubError: sizes or hashes are missing here as well, or files are outside of the repository.
    """
    files = [
        _file(repo, entry.get("path"), entry.get("size"), entry.get("oid"), entry.get("lfs"))
        for entry in entries
        if isinstance(entry, dict) and entry.get("type") == "file"
    ]
    if None in files:
        raise _strange(repo, "its listing has no sizes or hashes, so that nothing could be verified")
    return tuple(file for file in files if file is not None)


def _file(repo: Repo, path: Any, size: Any, blob_id: Any, lfs: Any) -> RepoFile | None:
    if not isinstance(path, str) or not names.is_path(path):
        raise HubError(
            "unsafe", f"{repo.repo_id} lists a file outside of itself: {path!r}", hint="do not use this repository"
        )
    if isinstance(lfs, Mapping):
        sha256, size = lfs.get("sha256") or lfs.get("oid"), lfs.get("size", size)
        if isinstance(sha256, str) and names.is_sha256(sha256) and isinstance(size, int):
            return RepoFile(path=path, size=size, digest=Digest(algorithm="sha256", value=sha256))
        return None
    if isinstance(blob_id, str) and names.is_commit(blob_id) and isinstance(size, int):
        return RepoFile(path=path, size=size, digest=Digest(algorithm="git-sha1", value=blob_id))
    return None


def _strange(repo: Repo, said: str) -> HubError:
    return HubError(
        "unreachable",
        f"the Hub's word on {repo.repo_id} cannot be used: {said}",
        hint="look at HF_ENDPOINT: a mirror may not serve listings",
    )
