"""Entries into a manifest that is there: comments and order are kept. Changes with how entries are written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import tomlkit
from tomlkit.items import AoT, Array, Table


def with_entries(text: str, entries: Collection[Mapping[str, Any]], *, tool: bool = False) -> str:
    """``text`` with more entries, less those that stand there already.

    Args:
        text: of the manifest; may be empty.
        entries: the keys of each; one with an ``id`` and a ``revision`` at most becomes a simple entry.
        tool: whether the manifest is ``[tool.prewarm]`` of this file.
    """
    document = tomlkit.parse(text)
    top: Any = document
    if tool:
        top = document.setdefault("tool", tomlkit.table(is_super_table=True)).setdefault("prewarm", tomlkit.table())
    for entry in entries:
        if set(entry) <= {"id", "revision"}:
            _add_simple(top, entry)
        else:
            _add_advanced(top, entry)
    return tomlkit.dumps(document)


def _add_simple(top: Any, entry: Mapping[str, Any]) -> None:
    revision = entry.get("revision", "main")
    word = entry["id"] if revision == "main" else f"{entry['id']}@{revision}"
    simple = top.get("simple")
    if not isinstance(simple, Array):
        simple = tomlkit.array()
        simple.multiline(True)
        if isinstance(top, tomlkit.TOMLDocument) and len(top.body):
            # Before the first table, or it would belong to that.
            _put_first(top, "simple", simple)
        else:
            top["simple"] = simple
        simple = top["simple"]
    if word not in simple:
        simple.append(word)


def _put_first(document: tomlkit.TOMLDocument, key: str, value: Array) -> None:
    rest = list(document.body)
    for name in list(document.keys()):
        document.remove(name)
    document.body.clear()
    document.add(key, value)
    document.add(tomlkit.nl())
    for name, item in rest:
        if name is None:
            document.body.append((name, item))
        else:
            document.append(name, item)


def _add_advanced(top: Any, entry: Mapping[str, Any]) -> None:
    advanced = top.get("advanced")
    if not isinstance(advanced, AoT):
        advanced = tomlkit.aot()
        if isinstance(top, tomlkit.TOMLDocument) and len(top.body):
            top.add(tomlkit.nl())
        top["advanced"] = advanced
        advanced = top["advanced"]
    if any(dict(table.unwrap()) == dict(entry) for table in advanced):
        return
    table: Table = tomlkit.table()
    for key, value in entry.items():
        table.add(key, _inline(value) if isinstance(value, Mapping) else value)
    advanced.append(table)


def _inline(value: Mapping[str, Any]) -> Any:
    table = tomlkit.inline_table()
    table.update({key: _inline(inner) if isinstance(inner, Mapping) else inner for key, inner in value.items()})
    return table
