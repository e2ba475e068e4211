"""Reads a TOML file, and writes TOML values. Changes with the TOML library."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prewarm.records.errors import InputError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def parse(text: str) -> dict[str, Any]:
    """The table that ``text`` is.

    Raises:
        ValueError: it is no TOML.
    """
    table: dict[str, Any] = tomllib.loads(text)
    return table


def read(path: Path, error: type[InputError], *, hint: str = "") -> dict[str, Any]:
    """The table in the file at ``path``.

    Raises:
        InputError: of the class ``error``, where the file cannot be read or is no TOML; with line and column.
    """
    try:
        content = parse(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as bad:
        raise error(f"{path.name} is not UTF-8 (byte {bad.start})", hint=hint or "save it as UTF-8") from None
    except tomllib.TOMLDecodeError as bad:
        said = str(bad)
        raise error(f"{path.name} is not valid TOML: {said[:1].lower()}{said[1:]}", hint=hint) from None
    except (ValueError, RecursionError) as bad:
        # A number of thousands of digits, or tables within tables within tables.
        said = "it is nested too deeply" if isinstance(bad, RecursionError) else "a number in it is too large"
        raise error(f"{path.name} cannot be read: {said}", hint=hint) from None
    except IsADirectoryError:
        raise error(f"{path} is a folder", hint="name the file") from None
    except OSError as bad:
        raise error(f"{path} cannot be read: {bad.strerror or bad}", hint=hint) from None
    return content


def string(text: str) -> str:
    """A TOML basic string."""
    # JSON's escapes are TOML's, but for DEL, which TOML wants escaped, and surrogate pairs, which it knows not.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def value(content: Any) -> str:
    """A TOML value: a string, a number, a boolean, a list, or an inline table.

    Raises:
        TypeError: ``content`` is of no such type.
    """
    if isinstance(content, str):
        return string(content)
    if isinstance(content, bool):
        return "true" if content else "false"
    if isinstance(content, (int, float)):
        return repr(content)
    if isinstance(content, Mapping):
        pairs = ", ".join(f"{string(key)} = {value(item)}" for key, item in content.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(content, Sequence):
        return "[" + ", ".join(value(item) for item in content) + "]"
    raise TypeError(f"TOML has no {type(content).__name__}")
