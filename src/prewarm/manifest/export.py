"""``[advanced.export]`` of an entry to an Export. Changes when it gets a new key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, get_args

from prewarm.manifest import values
from prewarm.manifest.settings import nearest
from prewarm.records.errors import ManifestError
from prewarm.records.export import Export, ExportFormat, ExportTask, Layout, OracleEnvironment, Precision

LEAST_OPSET, NEWEST_OPSET = 9, 25
MOST_TOKENS = 1 << 20
_ORACLE_EXAMPLE = (
    'environment_path = "oci://bucket@namespace/path", slug = "onnx_env_v1", type = "published", python = "3.12"'
)


def read_export(table: object, place: str) -> Export:
    """What to make of an entry.

    Args:
        table: ``[advanced.export]``.
        place: where it stands, for messages.

    Raises:
        ManifestError: anything in it is wrong.
    """
    fields = _read(table, place, _KEYS, '[advanced.export] with format = "onnx"')
    export = Export(**fields, place=place)
    if export.layout == "oracle" and export.oracle is None:
        said = 'layout "oracle" needs the environment that it runs in'
        raise ManifestError(said, place=place, hint=f"[advanced.export.oracle] with {_ORACLE_EXAMPLE}")
    if export.oracle is not None and export.layout != "oracle":
        raise ManifestError('only for layout = "oracle"', place=f"{place}.oracle", hint='layout = "oracle"')
    if export.format == "files":
        for key in ("task", "max_length", "opset", "dtype", "layout"):
            if isinstance(table, dict) and key in table and table[key] != "plain":
                said = "files are taken as they are"
                raise ManifestError(said, place=f"{place}.{key}", hint='leave it out, or format = "onnx"')
    return export


def _read(table: object, place: str, keys: Mapping[str, Callable[[object, str], Any]], example: str) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise values.wrong_type(place, "a table", table, hint=example)
    for key in table:
        if key not in keys:
            raise ManifestError("unknown key", place=f"{place}.{key}", hint=nearest(key, list(keys)))
    return {key: keys[key](value, f"{place}.{key}") for key, value in table.items()}


def _oracle(value: object, place: str) -> OracleEnvironment:
    found = _read(value, place, _ORACLE_KEYS, _ORACLE_EXAMPLE)
    for key in _ORACLE_KEYS:
        if key not in found:
            raise ManifestError(f"there is no {key}", place=place, hint=_ORACLE_EXAMPLE)
    if not found["environment_path"].startswith("oci://"):
        raise ManifestError("no path of object storage", place=f"{place}.environment_path", hint=_ORACLE_EXAMPLE)
    parts = found["python"].split(".")
    if len(parts) < 2 or not all(part.isascii() and part.isdecimal() for part in parts):
        raise ManifestError("no version of Python", place=f"{place}.python", hint='python = "3.12"')
    if not (3, 6) <= (int(parts[0]), int(parts[1])) <= (3, 14):
        raise ManifestError("Oracle takes 3.6 to 3.14", place=f"{place}.python", hint='python = "3.12"')
    return OracleEnvironment(**found)


def _number(least: int, most: int) -> Callable[[object, str], int]:
    def read(value: object, place: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise values.wrong_type(place, "a whole number", value)
        if not least <= value <= most:
            raise ManifestError(f"expected a number from {least} to {most}, not {value}", place=place)
        return value

    return read


def _folder(value: object, place: str) -> str:
    said = values.text(value, place)
    if PurePosixPath(said) == PurePosixPath() or ".." in PurePosixPath(said).parts or "\0" in said:
        hint = 'a folder beside the manifest or below it, such as "models/minilm"; or an absolute one'
        raise ManifestError(f"'{said}' is no folder to make", place=place, hint=hint)
    return said


def _names(value: object, place: str) -> tuple[str, ...]:
    found = values.paths(value, place)
    for at, name in enumerate(found):
        if ".." in PurePosixPath(name).parts or PureWindowsPath(name).is_absolute():
            raise ManifestError(f"'{name}' is not in the folder", place=f"{place}[{at}]", hint='such as "model.onnx"')
    return found


_KEYS: Mapping[str, Callable[[object, str], Any]] = {
    "format": values.choice(*get_args(ExportFormat)),
    "task": values.choice(*get_args(ExportTask)),
    "output_dir": _folder,
    "max_length": _number(1, MOST_TOKENS),
    "opset": _number(LEAST_OPSET, NEWEST_OPSET),
    "dtype": values.choice(*get_args(Precision)),
    "check_files": _names,
    "layout": values.choice(*get_args(Layout)),
    "oracle": _oracle,
}
_ORACLE_KEYS: Mapping[str, Callable[[object, str], Any]] = {
    "environment_path": values.text,
    "slug": values.text,
    "type": values.choice("published", "data_science"),
    "python": values.text,
}
