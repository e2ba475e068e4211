"""The pages and folders of a tree, put together, and where that ends. Changes with how trees are cut into pages."""

from __future__ import annotations

from prewarm.hub.listing import Tree, strange
from prewarm.records.listing import Repo, RepoFile

PAGES_MAX = 1000
"""Of the Hub's pages of 1,000 names, far more than it lets a repository have."""
FILES_MAX = 500_000
FOLDERS_MAX = 1000
"""Folders that are asked for one by one, where a proxy takes the question for all of them away."""


class TreeWalk:
    """What the pages so far say.

    Args:
        repo: whose tree it is.
    """

    def __init__(self, repo: Repo) -> None:
        self._repo = repo
        self._files: dict[RepoFile, None] = {}
        self._odd: dict[str, None] = {}
        self._folders: set[str] = set()
        self._pages = 0

    @property
    def tree(self) -> Tree:
        """All of them together."""
        return Tree(files=tuple(self._files), odd=tuple(self._odd), folders=frozenset(self._folders))

    def add(self, page: Tree, *, has_more: bool) -> None:
        """Take in one page.

        Args:
            page: what it says.
            has_more: whether it names another one.

        Raises:
            HubError: this has no end.
        """
        before = self._count()
        self._pages += 1
        self._files.update(dict.fromkeys(page.files))
        self._odd.update(dict.fromkeys(page.odd))
        self._folders |= page.folders
        if has_more and self._count() == before:
            raise strange(self._repo, "its listing names a next page again and again, and nothing new")
        if self._pages > PAGES_MAX or self._count() > FILES_MAX:
            raise strange(self._repo, f"its listing has no end: {self._count():,} names so far")

    def check_folders(self, asked: int) -> None:
        """Raise HubError where so many folders were ``asked`` for one by one that it will not end."""
        if asked > FOLDERS_MAX:
            raise strange(self._repo, f"its listing gives one folder at a time, and has more than {FOLDERS_MAX:,}")

    def _count(self) -> int:
        return len(self._files) + len(self._odd) + len(self._folders)
