"""One file to copy into a project, that does without prewarm what prewarm does. Changes with what its lists hold.

The file itself is ``_template/download_models.py``; its three lists are filled here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from prewarm.records.entry import Entry
from prewarm.records.lock import LockedEntry

_TEMPLATE = Path(__file__).with_name("_template") / "download_models.py"
_KEYS = (
    "model_class", "processor_class", "task", "model_args", "trust_remote_code", "include", "subfolder", "variant",
    "dtype", "use_safetensors", "model_kwargs", "processor_kwargs", "repo_type", "code_revision",
)  # fmt: skip
_DEFAULTS: Mapping[str, Any] = {
    "trust_remote_code": False, "subfolder": "", "model_kwargs": {}, "processor_kwargs": {}, "repo_type": "model",
}  # fmt: skip


def render(locked: Sequence[LockedEntry], proves: Mapping[Entry, bool]) -> str:
    """The file's text.

    Args:
        locked: every entry of the manifest.
        proves: whether an entry is loaded, by the settings; the others are fetched only.
    """
    tables = [(one, _table(one.entry, loads=proves.get(one.entry, True))) for one in locked]
    simple = [_word(table) for _, table in tables if set(table) <= {"id", "revision"}]
    advanced = [table for _, table in tables if not set(table) <= {"id", "revision"}]
    pinned = [
        {"entry": {key: value for key, value in table.items() if key != "required"}, "repos": _repos(one)}
        for one, table in tables
    ]
    text = _TEMPLATE.read_text(encoding="utf-8")
    for name, values in (("SIMPLE_MODELS", simple), ("ADVANCED_MODELS", advanced), ("LOCKED", pinned)):
        found = re.search(rf"^{name}: list\[\w+\] = (\[\])$", text, re.MULTILINE)
        assert found is not None, "the template has each list"
        text = text[: found.start(1)] + _list(values) + text[found.end(1) :]
    return text


def _table(entry: Entry, *, loads: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"id": entry.id}
    if entry.revision != "main":
        found["revision"] = entry.revision
    for key in _KEYS:
        value = getattr(entry, key)
        plain = list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value
        if plain is not None and plain != _DEFAULTS.get(key):
            found[key] = plain
    if not loads and (entry.loads_model or entry.loads_processor):
        found |= {"model_class": False, "processor_class": False}
    if not entry.required:
        found["required"] = False
    return found


def _word(table: Mapping[str, Any]) -> str:
    return f"{table['id']}@{table['revision']}" if "revision" in table else str(table["id"])


def _repos(locked: LockedEntry) -> list[dict[str, Any]]:
    return [
        {
            "id": repo.repo.repo_id,
            "type": repo.repo.repo_type,
            "revision": repo.repo.revision,
            "commit": repo.commit,
            "files": {file.path: file.size for file in repo.files},
        }
        for repo in locked.repos
    ]


def _list(values: Iterable[Any]) -> str:
    lines = [f"    {_python(value, 4)},\n" for value in values]
    return f"[\n{''.join(lines)}]" if lines else "[]"


def _python(value: Any, indent: int) -> str:
    """A literal, with a line for each pair of what is too long for one."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    space = " " * (indent + 4)
    if isinstance(value, Mapping):
        pairs = [f"{_python(key, 0)}: {_python(inner, indent + 4)}" for key, inner in value.items()]
        one_line = "{" + ", ".join(pairs) + "}"
        if len(one_line) + indent <= 110 and "\n" not in one_line:
            return one_line
        return "{\n" + "".join(f"{space}{pair},\n" for pair in pairs) + " " * indent + "}"
    if isinstance(value, (list, tuple)):
        items = [_python(inner, indent + 4) for inner in value]
        one_line = "[" + ", ".join(items) + "]"
        if len(one_line) + indent <= 110 and "\n" not in one_line:
            return one_line
        return "[\n" + "".join(f"{space}{item},\n" for item in items) + " " * indent + "]"
    return repr(value)
