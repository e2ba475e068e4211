"""``[[wrapped]]`` of a manifest to a Wrapped. Changes when it gets a new key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from prewarm.manifest import values
from prewarm.manifest.settings import nearest
from prewarm.records.entry import Wrapped
from prewarm.records.errors import ManifestError

_EXAMPLE = '[[wrapped]] with path = "models/toxicity", sample = { text = "…" }'


def read_wrapped(item: object, place: str, folder: Path) -> Wrapped:
    """One wrapped model.

    Args:
        item: its table.
        place: where it stands, for messages.
        folder: of the manifest.

    Raises:
        ManifestError: anything in it is wrong.
    """
    if not isinstance(item, dict):
        raise values.wrong_type(place, "a table", item, hint=_EXAMPLE)
    for key in item:
        if key not in _KEYS:
            raise ManifestError("unknown key", place=f"{place}.{key}", hint=nearest(key, list(_KEYS)))
    fields = {key: _KEYS[key](value, f"{place}.{key}") for key, value in item.items()}
    for key in ("path", "sample"):
        if key not in fields:
            raise ManifestError(f"there is no {key}", place=place, hint=_EXAMPLE)
    said = fields.pop("path")
    name = fields.pop("name", None) or Path(said).name
    return Wrapped(**fields, name=name, path=folder / said, place=place)


def _sample(value: object, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not value:
        raise values.wrong_type(place, "a table with something in it", value, hint='sample = { text = "…" }')
    values.refuse_what_no_call_takes(value, place)
    return value


def _path(value: object, place: str) -> str:
    said = values.text(value, place)
    if "\0" in said or not Path(said).name:
        raise ManifestError(f"'{said}' is no folder of a model", place=place, hint=_EXAMPLE)
    return said


_KEYS: Mapping[str, Callable[[object, str], Any]] = {
    "path": _path,
    "name": values.text,
    "sample": _sample,
    "required": values.flag,
}
