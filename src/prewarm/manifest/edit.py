"""Entries into a manifest that is there, and out of it; comments and order are kept. Changes with how they look."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import tomlkit
from tomlkit.items import AoT, Array, Comment, Table

_DECIDED = (
    "model_class", "model_args", "model_kwargs", "task", "processor_class", "trust_remote_code", "include", "repo_type",
)  # fmt: skip
"""Keys that say how an entry is loaded: what is written anew where an entry is updated."""


def with_entries(
    text: str, entries: Sequence[Mapping[str, Any]], *, tool: bool = False, comments: Sequence[Collection[str]] = ()
) -> str:
    """``text`` with more entries, less those that stand there already.

    Args:
        text: of the manifest; may be empty.
        entries: the keys of each; one with an ``id`` and a ``revision`` at most becomes a simple entry.
        tool: whether the manifest is ``[tool.prewarm]`` of this file.
        comments: lines that stand beside each entry, in the same order.
    """
    document = tomlkit.parse(text)
    top = _top(document, tool=tool)
    for at, entry in enumerate(entries):
        beside = comments[at] if at < len(comments) else ()
        if set(entry) <= {"id", "revision"} and not beside:
            _add_simple(top, entry)
        else:
            _add_advanced(top, entry, beside)
    return tomlkit.dumps(document)


def without(text: str, repo_ids: Collection[str], *, tool: bool = False) -> str:
    """``text`` without the entries of these ids or names."""
    document = tomlkit.parse(text)
    top = _top(document, tool=tool)
    simple = top.get("simple")
    for at in reversed(range(len(simple) if isinstance(simple, Array) else 0)):
        if str(simple[at]).partition("@")[0] in repo_ids or str(simple[at]) in repo_ids:
            del simple[at]
    advanced = top.get("advanced")
    left: list[str] = []
    if isinstance(advanced, (AoT, Array)):
        for at in reversed(range(len(advanced))):
            if {str(advanced[at].get("id")), str(advanced[at].get("name"))} & set(repo_ids):
                left += _leave_comments(advanced, at) if isinstance(advanced, AoT) else []
                del advanced[at]
        if not len(advanced):
            del top["advanced"]
    for comment in left:
        top.add(tomlkit.comment(comment))
    return tomlkit.dumps(document)


def updated(text: str, entry: Mapping[str, Any], *, tool: bool = False) -> str:
    """``text`` with the entry of that id loaded as ``entry`` says; its other keys stay."""
    document = tomlkit.parse(text)
    top = _top(document, tool=tool)
    advanced = top.get("advanced")
    for table in advanced if isinstance(advanced, (AoT, Array)) else ():
        if str(table.get("id")) == entry["id"]:
            for key in _DECIDED:
                if key in table and key not in entry:
                    del table[key]
            for key, value in entry.items():
                table[key] = _inline(value) if isinstance(value, Mapping) else value
            return tomlkit.dumps(document)
    return with_entries(without(text, [entry["id"]], tool=tool), [entry], tool=tool)


def _leave_comments(advanced: AoT, at: int) -> list[str]:
    """Let the comments at the end of a table, which speak of what follows, stay where they are.

    Returns:
        Those that have no place where they were.
    """
    table: Any = advanced[at]
    while isinstance(table, (Table, AoT)) and table.value and isinstance(_last(table), (Table, AoT)):
        table = _last(table)
    body = table.value.body if isinstance(table, Table) else []
    tail: list[tuple[Any, Any]] = []
    while body and body[-1][0] is None:
        tail.insert(0, body.pop())
    comments = [item.as_string().strip().lstrip("#").strip() for _, item in tail if isinstance(item, Comment)]
    if not comments:
        return []
    if at > 0:
        before: Any = advanced[at - 1]
        before.value.body.extend(tail)
        return []
    if len(advanced) > 1:
        # Before the first there is no table that could end with it: it is put above the next.
        first = "".join(item.as_string() for _, item in tail)
        advanced[1].trivia.indent = first.lstrip("\n") + advanced[1].trivia.indent
        return []
    return comments


def _last(table: Any) -> Any:
    item = table.value.body[-1][1] if isinstance(table, Table) and table.value.body else None
    return item[-1] if isinstance(item, AoT) and len(item) else item


def _top(document: tomlkit.TOMLDocument, *, tool: bool) -> Any:
    if not tool:
        return document
    return document.setdefault("tool", tomlkit.table(is_super_table=True)).setdefault("prewarm", tomlkit.table())


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


def _add_advanced(top: Any, entry: Mapping[str, Any], comments: Collection[str]) -> None:
    advanced = top.get("advanced")
    if isinstance(advanced, Array):
        # Tables in a list, within brackets: comments have no place there.
        if not any(dict(item) == dict(entry) for item in advanced.unwrap()):
            advanced.append(_inline(entry))
        return
    if not isinstance(advanced, AoT):
        advanced = tomlkit.aot()
        if isinstance(top, tomlkit.TOMLDocument) and len(top.body):
            top.add(tomlkit.nl())
        top["advanced"] = advanced
        advanced = top["advanced"]
    if any(dict(table.unwrap()) == dict(entry) for table in advanced):
        return
    if len(advanced):
        advanced[-1].add(tomlkit.nl())
    table: Table = tomlkit.table()
    for key, value in entry.items():
        table.add(key, _inline(value) if isinstance(value, Mapping) else value)
    for line in comments:
        table.add(tomlkit.comment(line))
    advanced.append(table)


def _inline(value: Mapping[str, Any]) -> Any:
    table = tomlkit.inline_table()
    table.update({key: _inline(inner) if isinstance(inner, Mapping) else inner for key, inner in value.items()})
    return table
