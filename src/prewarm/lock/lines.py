"""Reads the text of a lock as ``lock.dump`` writes it. Changes with what it writes.

The same as the TOML parser gives for such a text, several times as fast: a check reads thousands of lines. Whatever is
written in another way is left to the TOML parser.
"""

from __future__ import annotations

import re
from typing import Any

_TEXT = r'"([^"\\\x00-\x1f\x7f]*)"'
_FILE = re.compile(rf"  \{{ path = {_TEXT}, size = (\d+), (sha256|git-sha1) = {_TEXT}(?:, sha256 = {_TEXT})? \}},")
_PAIR = re.compile(rf"([a-z_]+) = {_TEXT}")
_FLAGS = {"complete = false": ("complete", False), "gated = true": ("gated", True)}
_SCHEMA = re.compile(r"schema = (0|[1-9]\d*)")
_ABSENT = re.compile(rf"absent = \[{_TEXT}(?:, {_TEXT})*\]")
_WORD = re.compile(_TEXT)
_TABLES = {"[[entry]]": "entry", "[[application]]": "application"}
_REPOS = {"[[entry.repo]]": "entry", "[[application.repo]]": "application"}


def parse(text: str) -> dict[str, Any] | None:
    """The table that ``text`` is; None where it is not written as prewarm does."""
    top: dict[str, Any] = {}
    table: dict[str, Any] = top
    files: list[dict[str, Any]] | None = None
    for line in text.split("\n"):
        if files is not None:
            if (match := _FILE.fullmatch(line)) is not None:
                path, size, algorithm, value, code = match.groups()
                file: dict[str, Any] = {"path": path, "size": int(size), algorithm: value}
                if code is not None:
                    if algorithm == "sha256":
                        return None
                    file["sha256"] = code
                files.append(file)
                continue
            if line != "]":
                return None
            files = None
        elif not line or line[0] == "#":
            continue
        elif (kind := _TABLES.get(line)) is not None:
            table = {}
            top.setdefault(kind, []).append(table)
        elif (kind := _REPOS.get(line)) is not None:
            if kind not in top:
                return None
            table = {}
            top[kind][-1].setdefault("repo", []).append(table)
        elif line == "files = [" and "files" not in table:
            files = table["files"] = []
        elif not _take(line, table):
            return None
    return top if files is None else None


def _take(line: str, table: dict[str, Any]) -> bool:
    key, content = _pair(line)
    if not key or key in table:
        return False
    table[key] = content
    return True


def _pair(line: str) -> tuple[str, Any]:
    if (match := _PAIR.fullmatch(line)) is not None:
        return match[1], match[2]
    if (match := _SCHEMA.fullmatch(line)) is not None:
        return "schema", int(match[1])
    if line in _FLAGS:
        return _FLAGS[line]
    if _ABSENT.fullmatch(line) is not None:
        return "absent", _WORD.findall(line)
    return "", None
