"""The answer of the process that loads, looked at before it is believed. Changes with what it answers.

Code of a repository may have written it: types, sizes and words are checked here, and nowhere else.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

from prewarm.records.errors import ProofError
from prewarm.records.failure import ErrorKind
from prewarm.records.text import harmless, harmless_lines, quoted

_MAX_BYTES = 64 << 20
_TEXTS = ("model", "processor", "dtype")
_NUMBERS = ("parameters", "load_s", "peak_rss_bytes")
_LISTS = ("missing_keys", "unexpected_keys", "mismatched_keys", "notes", "network_attempts")
_LARGEST = 1e18


def read(path: Path, *, is_right: bool = True) -> dict[str, Any]:
    """The answer in a file.

    Args:
        path: of the answer.
        is_right: whether it was announced as it has to be.

    Raises:
        ProofError: it is not there, or is no answer.
    """
    try:
        if not is_right or path.is_symlink() or path.stat().st_size > _MAX_BYTES:
            raise ValueError("not announced, or too large")
        return _checked(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise ProofError(
            "load-error",
            "the process that loaded it gives no answer that can be read",
            hint="the code of the model, or of a library that it uses, disturbs the process",
        ) from None


def _checked(said: Any) -> dict[str, Any]:
    """What was said, with the types that it has to have.

    Raises:
        TypeError, ValueError, KeyError: it has others.
    """
    if not isinstance(said, dict):
        raise TypeError("no table")
    found: dict[str, Any] = {name: _text(said.get(name)) for name in _TEXTS}
    found |= {name: _number(said.get(name)) for name in _NUMBERS}
    found |= {name: [quoted(item) for item in _list(said.get(name, []))] for name in _LISTS}
    found["looked_for"] = [_pair(item) for item in _list(said.get("looked_for", []))]
    # Whoever has asked for it looks at what is in it.
    found["then"] = _table(said.get("then"))
    found["error"] = _error(said["error"]) if said.get("error") is not None else None
    return found


def _text(value: Any) -> str | None:
    if not (value is None or isinstance(value, str)):
        raise TypeError("no text")
    return None if value is None else quoted(value)


def _number(value: Any) -> int | float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _LARGEST:
        raise TypeError("no number")
    return value


def _table(value: Any) -> dict[str, Any]:
    if not (value is None or isinstance(value, dict)):
        raise TypeError("no table")
    return value or {}


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


def _pair(value: Any) -> tuple[str, str]:
    repo_id, path = value
    if not isinstance(repo_id, str) or not isinstance(path, str):
        raise TypeError("no pair of texts")
    return harmless(repo_id), harmless(path)


def _error(value: Any) -> dict[str, str]:
    found = {name: value[name] for name in ("kind", "message", "hint", "trace")}
    if not all(isinstance(word, str) for word in found.values()) or found["kind"] not in get_args(ErrorKind):
        raise TypeError("no error")
    return {**found, "message": quoted(found["message"], 2000), "hint": harmless_lines(found["hint"])}
