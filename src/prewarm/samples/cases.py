"""A stored set of cases: JSON Lines or CSV, with the keys of a sample. Changes with what a case can say."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prewarm.manifest.sample import read_sample
from prewarm.manifest.settings import nearest
from prewarm.records.errors import CommandError, ManifestError
from prewarm.records.sample import Sample
from prewarm.runners.tasks import CLASSES

_TABLES = ("chat", "input", "expect")
_LISTS = ("contains", "equals")
_NUMBERS = ("min_score", "min_cosine", "max_difference")
_MOST_BYTES = 1 << 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One case."""

    sample: Sample
    entry: str | None
    """The id or name of the entry that it is for; None: the only one."""


def read_cases(path: Path) -> tuple[Case, ...]:
    """The cases of a file.

    Raises:
        CommandError: it cannot be read, or a line of it is no case.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise CommandError(f"{path} is larger than 1 GB", hint="run it in parts")
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        raise CommandError(f"{path} is not UTF-8 (byte {bad.start})", hint="save it as UTF-8") from None
    except OSError as bad:
        said = bad.strerror or str(bad)
        raise CommandError(f"{path} cannot be read: {said}", hint="--cases FILE.jsonl or FILE.csv") from None
    rows = _csv(text, path) if path.suffix.lower() in (".csv", ".tsv") else _json_lines(text, path)
    found: list[Case] = []
    lines: dict[tuple[str | None, str], int] = {}
    for line, row in rows:
        case = _case(row, path, line)
        key = (case.entry, case.sample.name)
        if key in lines:
            said = f"'{case.sample.name}' is also line {lines[key]}"
            raise CommandError(said, place=f"{path.name}:{line}", hint="give each case a name of its own")
        lines[key] = line
        found.append(case)
    if not found:
        raise CommandError(f"{path} has no cases", hint='one a line: {"text": "…", "expect": {"label": "…"}}')
    return tuple(found)


def _case(row: Any, path: Path, line: int) -> Case:
    place = f"{path.name}:{line}"
    if not isinstance(row, dict):
        raise CommandError("no JSON object", place=place, hint='one a line: {"text": "…", "expect": {"label": "…"}}')
    entry = row.pop("id", None)
    if entry is not None and not isinstance(entry, str):
        raise CommandError("the id is no string", place=place, hint="the entry's id or name, as the manifest has it")
    try:
        sample = read_sample(row, place, name=_name(row), is_case=True)
    except ManifestError as error:
        raise CommandError(error.message, place=error.place, hint=error.hint) from None
    if sample.task is not None and sample.task not in CLASSES:
        raise CommandError("unknown task", place=f"{place}.task", hint=nearest(sample.task, sorted(CLASSES)))
    if sample.expect is not None and sample.expect.nearest is not None:
        said = "a case stands alone, so that none is the nearest"
        raise CommandError(said, place=f"{place}.expect.nearest", hint="samples of the manifest can say that")
    return Case(sample=sample, entry=entry)


def _name(row: dict[str, Any]) -> str:
    """What a case without a name is called: the same wherever it stands."""
    asked = {key: value for key, value in row.items() if key != "expect"}
    said = json.dumps(asked, sort_keys=True, default=str)
    return f"case {hashlib.sha256(said.encode('utf-8', 'replace')).hexdigest()[:8]}"


def _json_lines(text: str, path: Path) -> Iterator[tuple[int, Any]]:
    for line, said in enumerate(text.split("\n"), start=1):
        if not said.strip():
            continue
        try:
            yield line, json.loads(said)
        except (ValueError, RecursionError) as bad:
            deep = "it is nested too deeply" if isinstance(bad, RecursionError) else "a number in it is too large"
            why = getattr(bad, "msg", deep)
            column = f", column {bad.colno}" if isinstance(bad, json.JSONDecodeError) else ""
            raise CommandError(
                f"the line is no JSON: {why}{column}", place=f"{path.name}:{line}", hint="one JSON object a line"
            ) from None


def _csv(text: str, path: Path) -> Iterator[tuple[int, Any]]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        names = [name.strip() for name in next(reader, [])]
        if not names or len(set(names)) != len(names) or "" in names:
            said = "the first line names no columns, or one twice"
            raise CommandError(said, place=f"{path.name}:1", hint="id,name,text,expect.label")
        while True:
            line = reader.line_num + 1
            row = next(reader, None)
            if row is None:
                return
            if not any(field.strip() for field in row):
                continue
            if len(row) != len(names):
                said = f"the line has {len(row)} fields, and the first has {len(names)}"
                raise CommandError(said, place=f"{path.name}:{line}", hint='quote a field with a comma: "a, b"')
            yield line, _row(dict(zip(names, row, strict=True)), f"{path.name}:{line}")
    except csv.Error as bad:
        raise CommandError(f"the line is no CSV: {bad}", place=f"{path.name}:{line}", hint='quote with ""') from None


def _row(fields: dict[str, str], place: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    expect: dict[str, Any] = {}
    for name, said in fields.items():
        if not said:
            continue
        if name in _TABLES:
            found[name] = _json(said, f"{place}.{name}")
        elif name.startswith("expect."):
            expect[name.removeprefix("expect.")] = _expected(name.removeprefix("expect."), said, f"{place}.{name}")
        else:
            found[name] = said if name in ("text", "text_pair") else said.strip()
    if expect:
        whole = found.get("expect", {})
        if not isinstance(whole, dict):
            raise CommandError("no table", place=f"{place}.expect", hint='such as {"contains": ["word"]}')
        found["expect"] = {**whole, **expect}
    return found


def _expected(key: str, said: str, place: str) -> Any:
    if key in _NUMBERS:
        try:
            return float(said)
        except ValueError:
            raise CommandError(f"'{said[:40]}' is no number", place=place, hint="0.5") from None
    return _json(said, place) if key in _LISTS and said.lstrip().startswith("[") else said


def _json(said: str, place: str) -> Any:
    try:
        return json.loads(said)
    except (ValueError, RecursionError):
        raise CommandError(f"'{said[:40]}' is no JSON", place=place, hint='such as {"contains": ["word"]}') from None
