"""Drafts of entries into a manifest. Changes with where they are written to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prewarm.authoring.record import Draft
from prewarm.cache.place import write_text
from prewarm.manifest import edit
from prewarm.manifest import read as manifests
from prewarm.records.errors import ManifestError


def text_of(found: Sequence[Draft]) -> str:
    """A manifest of these entries."""
    return edit.with_entries("", [_keys(draft) for draft in found])


def manifest_here() -> Path:
    """The manifest of the working directory, whether it is there or not."""
    try:
        return manifests.find(Path.cwd())
    except ManifestError:
        return Path(manifests.MANIFEST_NAME)


def write_to(path: Path, found: Sequence[Draft]) -> None:
    """Put them into the manifest at ``path``, which may not be there yet.

    Raises:
        ManifestError: it cannot be read or written, or would not be a manifest.
    """
    is_tool = path.name == manifests.PYPROJECT_NAME
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        text = edit.with_entries(before, [_keys(draft) for draft in found], tool=is_tool)
        write_text(path, text)
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path} cannot be written: {error}", hint="name another file: -o FILE") from None
    manifests.load(path)


def _keys(draft: Draft) -> dict[str, Any]:
    return {"id": draft.id, **draft.keys}
