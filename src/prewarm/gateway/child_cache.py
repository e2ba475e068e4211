"""The cache that a child sees: empty at first, so that it asks for everything. Changes with the cache's layout.

Links in its ``blobs`` lead to the real ones, so that huggingface_hub finds the content of every file that it has asked
for, shows it, and transfers nothing. What the child writes stays here.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from prewarm.records.listing import Repo, RepoFile


class ChildCache:
    """A cache in a folder of its own.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def show(self, repo: Repo, file: RepoFile, content: Path) -> None:
        """Let the child find ``content`` as a blob of the repository."""
        folder = self.root / repo.folder / "blobs"
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.symlink(content.resolve(), folder / file.digest.value)
