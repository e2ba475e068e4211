"""``[[application]]`` of a manifest to an Application. Changes when it gets a new key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from prewarm.manifest import values
from prewarm.manifest.settings import duration_s, nearest
from prewarm.records.entry import Application
from prewarm.records.errors import ManifestError


def read_application(item: object, place: str, number: int, folder: Path) -> Application:
    """One application.

    Args:
        item: its table.
        place: where it stands, for messages.
        number: from 1; names it where it has no name.
        folder: of the manifest.

    Raises:
        ManifestError: anything in it is wrong.
    """
    if not isinstance(item, dict):
        raise values.wrong_type(place, "a table", item, hint='[[application]] with command = ["python", "app.py"]')
    fields: dict[str, Any] = {}
    for key, value in item.items():
        if key not in _KEYS:
            raise ManifestError("unknown key", place=f"{place}.{key}", hint=nearest(key, list(_KEYS)))
        field, read = _KEYS[key]
        fields[field] = read(value, f"{place}.{key}")
    if "command" not in fields:
        hint = 'command = ["python", "-c", "import app; app.load()"]'
        raise ManifestError("there is no command", place=place, hint=hint)
    fields.setdefault("name", f"application {number}")
    return Application(**{**fields, "cwd": folder / fields.get("cwd", ""), "folder": folder}, place=place)


def _timeout_s(value: object, place: str) -> float:
    try:
        return duration_s(value)
    except ValueError as bad:
        raise ManifestError(str(bad), place=place) from None


def _sources(value: object, place: str) -> tuple[str, ...]:
    found = values.globs(value, place)
    for at, pattern in enumerate(found):
        if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
            said = "sources lie beside the manifest, or below"
            raise ManifestError(said, place=f"{place}[{at}]", hint='such as "app.py" or "src/**/*.py"')
    return found


_KEYS: Mapping[str, tuple[str, Callable[[object, str], Any]]] = {
    "name": ("name", values.text),
    "command": ("command", values.words),
    "cwd": ("cwd", values.text),
    "timeout": ("timeout_s", _timeout_s),
    "required": ("required", values.flag),
    "sources": ("sources", _sources),
}
"""Key to the field, and how it is read."""
