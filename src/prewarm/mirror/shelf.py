"""What a mirror has: repositories, the commits of their revisions, the files of those. Changes with what is served."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from prewarm.records.listing import Listed, Listing, Repo, RepoFile, RepoType
from prewarm.records.lock import LockedRepo

_SHORT = 7
"""Digits that tell a commit, as the Hub takes them."""


@dataclass
class _Shelved:
    """One repository."""

    refs: dict[str, str] = field(default_factory=dict)
    """Revisions to commits."""
    commits: dict[str, dict[str, RepoFile]] = field(default_factory=dict)
    """Commits to files by path."""


class Shelf:
    """Repositories by type and id.

    Args:
        locked: what is served; the same repository may come several times, with other files.
        content: where a file's bytes are.
        listed: what is remembered of a repository's whole listing at its commit.
        root: of the cache: nothing outside of it is served, but for a repository's folder that is a link itself.
    """

    def __init__(
        self,
        locked: Iterable[LockedRepo],
        content: Callable[[LockedRepo, RepoFile], Path],
        *,
        listed: Callable[[LockedRepo], Listed | None],
        root: Path,
    ) -> None:
        self._content = content
        self._listed = listed
        self._root = root
        self._shelved: dict[tuple[RepoType, str], _Shelved] = {}
        for repo in locked:
            shelved = self._shelved.setdefault((repo.repo.repo_type, repo.repo.repo_id), _Shelved())
            shelved.refs[repo.repo.revision] = repo.commit
            shelved.commits.setdefault(repo.commit, {}).update({file.path: file for file in repo.files})

    def ids(self, repo_type: str) -> list[str]:
        """The repositories of a type."""
        return sorted(repo_id for of_type, repo_id in self._shelved if of_type == repo_type)

    def has(self, repo: Repo) -> bool:
        """Whether a repository is there, at whatever revision."""
        return (repo.repo_type, repo.repo_id) in self._shelved

    def listing(self, repo: Repo) -> Listing | None:
        """The files of a repository at a revision; None where it has no such revision."""
        shelved = self._shelved[repo.repo_type, repo.repo_id]
        commit = shelved.refs.get(repo.revision)
        if commit is None and len(repo.revision) >= _SHORT:
            found = [known for known in shelved.commits if known.startswith(repo.revision)]
            commit = found[0] if len(found) == 1 else None
        if commit is None:
            return None
        files = shelved.commits[commit]
        return Listing(repo=repo, commit=commit, files=tuple(files[path] for path in sorted(files)))

    def refs(self, repo: Repo) -> Mapping[str, str]:
        """The revisions of a repository that are no commits, and what they mean."""
        shelved = self._shelved[repo.repo_type, repo.repo_id]
        return {name: commit for name, commit in shelved.refs.items() if name != commit}

    def content(self, listing: Listing, file: RepoFile) -> Path:
        """Where the bytes of a file are."""
        return self._content(_locked(listing), file)

    def status(self, listing: Listing, content: Path) -> os.stat_result | None:
        """Of a file that is there, and is the cache's own."""
        try:
            found = own_file(self._root, listing.repo, content)
            return found.stat() if found is not None else None
        except OSError:
            return None

    def is_left_out(self, listing: Listing, path: str) -> bool:
        """Whether a repository has a file that is not served, as far as that is remembered."""
        remembered = self._listed(_locked(listing))
        return remembered is not None and path in remembered.files

    def files(self) -> Iterable[tuple[LockedRepo, RepoFile]]:
        """Every file, with its repository at its commit."""
        for (repo_type, repo_id), shelved in self._shelved.items():
            for commit, files in shelved.commits.items():
                repo = Repo(
                    repo_id=repo_id, revision=commit, repo_type="dataset" if repo_type == "dataset" else "model"
                )
                for file in files.values():
                    yield LockedRepo(repo=repo, commit=commit, files=()), file


def own_file(root: Path, repo: Repo, content: Path) -> Path | None:
    """Where a file really is; None where it is not in the cache: in its folder, or the repository's, a link perhaps."""
    try:
        found = content.resolve(strict=True)
        is_own = any(found.is_relative_to(base.resolve()) for base in (root, root / repo.folder))
    except (OSError, RuntimeError):
        return None
    return found if is_own else None


def _locked(listing: Listing) -> LockedRepo:
    return LockedRepo(repo=replace(listing.repo, revision=listing.commit), commit=listing.commit, files=())
