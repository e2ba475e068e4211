"""What the gateway's answers are made of. Changes with what it has to be told."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from prewarm.records.listing import Listing, Refused, Repo, RepoFile


class Source(Protocol):
    """The engine, as far as a child may use it."""

    def listing(self, repo: Repo) -> Listing | Refused:
        """The commit and the whole list of files.

        Raises:
            Exception: it cannot be had; the child must not go on.
        """

    def bring(self, listing: Listing, file: RepoFile) -> Path:
        """The file's content in the cache, verified.

        Raises:
            Exception: it cannot be had; the child must not go on.
        """

    def lacks(self, listing: Listing, path: str) -> None:
        """Is told of a name that the repository does not have."""
