"""Drafts of entries into a manifest. Changes with where they are written to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prewarm.authoring.draft import Draft
from prewarm.manifest import edit
from prewarm.operations.manifest_file import ManifestFile


def text_of(found: Sequence[Draft]) -> str:
    """A manifest of these entries."""
    return edit.with_entries("", [draft.table for draft in found], comments=[draft.comments for draft in found])


def write_to(path: Path, found: Sequence[Draft]) -> None:
    """Put them into the manifest at ``path``, which may not be there yet.

    Raises:
        ManifestError: it cannot be read or written, or would not be a manifest.
    """
    file = ManifestFile(path)
    file.add(found)
    file.write()
