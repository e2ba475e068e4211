"""The file of a manifest: read, and written where nobody else has written meanwhile. Changes with how it is kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from prewarm.authoring.draft import Draft
from prewarm.cache.place import write_text
from prewarm.manifest import edit
from prewarm.manifest import read as manifests
from prewarm.records.errors import ManifestError


class ManifestFile:
    """A manifest that is going to be changed.

    Args:
        path: where it is, or is to be.

    Raises:
        ManifestError: it cannot be read, or could not be written.
    """

    def __init__(self, path: Path) -> None:
        # What a link leads to is written, and not the link.
        self.path = path.resolve() if path.is_symlink() else path
        self._is_tool = path.name == manifests.PYPROJECT_NAME
        try:
            self._before = self.path.read_bytes() if self.path.exists() else None
            self.text = (self._before or b"").decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError:
            raise ManifestError(f"{path} is not UTF-8", hint="save it as UTF-8") from None
        except OSError as error:
            raise ManifestError(f"{path} cannot be read: {error.strerror}") from None
        if not self.path.parent.is_dir():
            raise ManifestError(f"there is no folder {self.path.parent}", hint="make it, or name another file with -m")
        where = self.path if self._before is not None else self.path.parent
        if not os.access(where, os.W_OK) or not os.access(self.path.parent, os.W_OK):
            said = f"{path} cannot be written: it is read-only"
            raise ManifestError(said, hint="chmod u+w it, or name another file with -m")

    @property
    def _ids(self) -> list[str]:
        """Of the entries, as the text has them now."""
        return [entry.id for entry in manifests.check(self.text, self.path).entries]

    def add(self, drafts: Sequence[Draft]) -> None:
        """Put entries in, less those that are there."""
        self._change(
            lambda text: edit.with_entries(
                text, [draft.table for draft in drafts], tool=self._is_tool, comments=[one.comments for one in drafts]
            )
        )

    def update(self, draft: Draft) -> None:
        """Let the entry of that id be loaded as the draft says."""
        self._change(lambda text: edit.updated(text, draft.table, tool=self._is_tool))

    def remove(self, repo_ids: Sequence[str]) -> None:
        """Take entries out."""
        named = [entry.id for entry in manifests.check(self.text, self.path).entries if entry.name in repo_ids]
        self._change(lambda text: edit.without(text, repo_ids, tool=self._is_tool), goes=[*repo_ids, *named])

    def write(self) -> None:
        """Write it, whole or not at all.

        Raises:
            ManifestError: it would be no manifest, somebody else has changed it, or it cannot be written.
        """
        manifests.check(self.text, self.path)
        try:
            now = self.path.read_bytes() if self.path.exists() else None
            if now != self._before:
                raise ManifestError(
                    f"{self.path} was changed by another program meanwhile, and is left as it is",
                    hint="save it there, and run the command again",
                )
            mode = self.path.stat().st_mode if now is not None else None
            write_text(self.path, self._as_it_was)
            if mode is not None:
                self.path.chmod(mode & 0o7777)
        except OSError as error:
            raise ManifestError(
                f"{self.path} cannot be written: {error.strerror}", hint="name another file with -m"
            ) from None
        self._before = self._as_it_was.encode()

    @property
    def _as_it_was(self) -> str:
        """The text with the ends of lines, and the mark at its beginning, that the file had."""
        before = self._before or b""
        text = self.text.replace("\n", "\r\n") if b"\r\n" in before else self.text
        return f"\ufeff{text}" if before.startswith(b"\xef\xbb\xbf") else text

    def _change(self, change: Callable[[str], str], goes: Sequence[str] = ()) -> None:
        before = self._ids
        try:
            self.text = change(self.text)
        except ValueError as error:
            raise ManifestError(f"{self.path} is not valid TOML: {error}", hint="mend it first") from None
        lost = [id_ for id_ in before if id_ not in (*goes, *self._ids)]
        if lost:
            # Whatever way it is written in, nothing of it may be lost.
            said = f"{self.path} is written in a way that cannot be added to: {lost[0]} would be lost"
            raise ManifestError(said, hint="write its entries as [[advanced]] and simple = [...]")
