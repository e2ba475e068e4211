"""What the Hub says that a repository consists of, to a Listing. Changes with the Hub's API.

Everything that comes in is looked at here, once: types, sizes, hashes, names. What passes can be planned, locked and
written to a disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prewarm.records import names
from prewarm.records.errors import HubError
from prewarm.records.listing import SIZE_MAX, Digest, Listing, Repo, RepoFile
from prewarm.records.text import quoted

ROUND = 100
"""A number of names that is a multiple of it may be where somebody has cut the list."""
LARGE = 1000
"""From so many names on, lists have been cut: a page of the Hub's trees, and what some mirrors pass on."""
_TAG = re.compile(r"[a-z0-9-]{1,60}")
_LICENSE_TAG = "license:"
_LICENSE = re.compile(r"[A-Za-z0-9][\w.+ -]{0,63}")
_LICENSE_MAX = 200


@dataclass(frozen=True, kw_only=True)
class Info:
    """What ``/api/models/{id}/revision/{rev}?blobs=true`` says."""

    listing: Listing
    paths: frozenset[str]
    """Of all that it names, with size and hash or without."""
    is_whole: bool
    """Whether every name has a size and a hash, and nothing hints at others that are left out."""


@dataclass(frozen=True, kw_only=True)
class Tree:
    """What the pages of ``/api/models/{id}/tree/{commit}`` say."""

    files: tuple[RepoFile, ...] = ()
    odd: tuple[str, ...] = ()
    folders: frozenset[str] = frozenset()


def parse_info(repo: Repo, content: Any) -> Info:
    """A repository's info.

    Raises:
        HubError: it is no listing, or names files outside of the repository.
    """
    if not isinstance(content, dict) or not isinstance(content.get("siblings"), list):
        raise strange(repo, "its answer is no listing")
    commit = str(content.get("sha", ""))
    if not names.is_commit(commit):
        raise strange(repo, "its listing has no commit")
    siblings = content["siblings"]
    files: list[RepoFile] = []
    odd: list[str] = []
    paths = set()
    for sibling in siblings:
        if not isinstance(sibling, dict):
            raise strange(repo, "its listing names something that is no file")
        path = _path(repo, sibling.get("rfilename"))
        paths.add(path)
        if not names.is_storable(path):
            odd.append(path)
        elif file := _file(path, sibling.get("size"), sibling.get("blobId"), sibling.get("lfs")):
            files.append(file)
    served_as = content.get("id")
    is_renamed = isinstance(served_as, str) and names.is_repo_id(served_as) and served_as != repo.repo_id
    listing = Listing(
        repo=repo,
        commit=commit,
        files=_once(repo, files),
        odd=tuple(odd),
        gated=bool(content.get("gated")),
        served_as=str(served_as) if is_renamed else "",
        made_for=made_for if isinstance(made_for := content.get("library_name"), str) else "",
        pipeline_tag=tag if isinstance(tag := content.get("pipeline_tag"), str) and _TAG.fullmatch(tag) else "",
        license=_license(content),
    )
    # Not cut where a folder is among the names either: mirrors list the top of a repository so.
    is_whole = len(files) + len(odd) == len(siblings) and not _may_be_cut(len(paths)) and not _parents(paths) & paths
    return Info(listing=listing, paths=frozenset(paths), is_whole=is_whole)


def parse_tree(repo: Repo, entries: Any) -> Tree:
    """One page of a tree.

    Raises:
        HubError: it is no tree, sizes or hashes are missing, or files are outside of the repository.
    """
    if not isinstance(entries, list):
        raise strange(repo, "its tree is no list")
    files: list[RepoFile] = []
    odd: list[str] = []
    folders = set()
    for entry in entries:
        if not isinstance(entry, dict):
            raise strange(repo, "its tree names something that is no file")
        path = _path(repo, entry.get("path"))
        if entry.get("type") == "directory":
            folders.add(path)
        elif entry.get("type") == "file":
            if not names.is_storable(path):
                odd.append(path)
                continue
            file = _file(path, entry.get("size"), entry.get("oid"), entry.get("lfs"))
            if file is None:
                said = f"{quoted(path, 100)} has no size or hash, so that nothing could be verified"
                raise strange(repo, said)
            files.append(file)
    return Tree(files=tuple(files), odd=tuple(odd), folders=frozenset(folders))


def joined(repo: Repo, info: Info, tree: Tree) -> Listing:
    """The listing that both sources make.

    Raises:
        HubError: they contradict each other.
    """
    listed = {file.path for file in tree.files} | set(tree.odd)
    if lost := sorted(info.paths - listed - tree.folders - _parents(listed)):
        raise strange(repo, f"one of its listings has {quoted(lost[0], 100)}, and the other has not")
    found = info.listing
    return Listing(
        repo=repo,
        commit=found.commit,
        files=_once(repo, tree.files),
        odd=tree.odd,
        gated=found.gated,
        served_as=found.served_as,
        made_for=found.made_for,
        pipeline_tag=found.pipeline_tag,
        license=found.license,
    )


def unlisted_folders(tree: Tree) -> set[str]:
    """The folders of a tree that nothing is listed of: it was not asked for all of it, whatever the request said."""
    return set(tree.folders) - _parents({file.path for file in tree.files} | set(tree.odd) | set(tree.folders))


def strange(repo: Repo, said: str) -> HubError:
    """The error for an answer that cannot be used."""
    return HubError(
        "unreachable",
        f"the Hub's word on {repo.repo_id} cannot be used: {said}",
        hint="look at HF_ENDPOINT: a mirror or a proxy may not pass on listings as they are",
    )


def _license(content: Mapping[str, Any]) -> str:
    """What the card names (huggingface.co/docs/hub/model-cards, "license"); mirrors may pass on its tag alone."""
    card, tags = content.get("cardData"), content.get("tags")
    said = card.get("license") if isinstance(card, Mapping) else None
    if not said and isinstance(tags, list):
        said = [tag.removeprefix(_LICENSE_TAG) for tag in tags if isinstance(tag, str) and tag.startswith(_LICENSE_TAG)]
    words = said if isinstance(said, list) else [said]
    return ", ".join(word for word in words if isinstance(word, str) and _LICENSE.fullmatch(word))[:_LICENSE_MAX]


def _may_be_cut(count: int) -> bool:
    return count >= LARGE or count % ROUND == 0


def _parents(paths: Iterable[str]) -> set[str]:
    return {parent for path in paths for parent in _parents_of(path)}


def _parents_of(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _once(repo: Repo, files: Iterable[RepoFile]) -> tuple[RepoFile, ...]:
    found: dict[str, RepoFile] = {}
    for file in files:
        if found.setdefault(file.path, file) != file:
            raise strange(repo, f"it lists {quoted(file.path, 100)} twice, with another content")
    if both := sorted(_parents(found) & found.keys()):
        raise strange(repo, f"{quoted(both[0], 100)} is a file and a folder")
    return tuple(found.values())


def _path(repo: Repo, path: Any) -> str:
    if not isinstance(path, str):
        raise strange(repo, "its listing has a file without a name")
    if not names.is_inside(path):
        raise HubError(
            "unsafe",
            f"{repo.repo_id} lists a file outside of itself: {quoted(path, 100)!r}",
            hint="do not use this repository",
        )
    return path


def _file(path: str, size: Any, blob_id: Any, lfs: Any) -> RepoFile | None:
    digest = None
    if isinstance(lfs, Mapping):
        sha256, size = lfs.get("sha256") or lfs.get("oid"), lfs.get("size", size)
        if isinstance(sha256, str) and names.is_sha256(sha256):
            digest = Digest(algorithm="sha256", value=sha256)
    elif isinstance(blob_id, str) and names.is_commit(blob_id):
        digest = Digest(algorithm="git-sha1", value=blob_id)
    is_size = isinstance(size, int) and not isinstance(size, bool) and 0 <= size <= SIZE_MAX
    return RepoFile(path=path, size=size, digest=digest) if digest and is_size else None
