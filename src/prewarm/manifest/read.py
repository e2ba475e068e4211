"""prewarm.toml, or ``[tool.prewarm]`` of pyproject.toml, to a Manifest. Changes when an entry gets a new key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from prewarm.manifest import toml as tomlfile
from prewarm.manifest.settings import nearest
from prewarm.records import names
from prewarm.records.entry import Entry, Manifest
from prewarm.records.errors import ManifestError

MANIFEST_NAME = "prewarm.toml"
PYPROJECT_NAME = "pyproject.toml"
EXAMPLE = 'simple = ["sentence-transformers/all-MiniLM-L6-v2"]'

_CLASS = re.compile(r"[A-Za-z_]\w*|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_SET_ELSEWHERE = ("revision", "subfolder", "trust_remote_code", "code_revision", "dtype", "torch_dtype", "variant")
_NEVER = ("token", "use_auth_token", "cache_dir", "local_files_only", "force_download", "output_loading_info")
_TOP = ["simple", "advanced", "settings"]


def find(folder: Path) -> Path:
    """The manifest in ``folder``.

    Raises:
        ManifestError: there is none.
    """
    own = folder / MANIFEST_NAME
    if own.is_file():
        return own
    pyproject = folder / PYPROJECT_NAME
    if pyproject.is_file() and "prewarm" in _tools(tomlfile.read(pyproject, ManifestError)):
        return pyproject
    raise ManifestError(
        f"there is no {MANIFEST_NAME} and no [tool.prewarm] in {PYPROJECT_NAME} here ({folder})",
        hint=f"write one: echo '{EXAMPLE}' > {MANIFEST_NAME}; or name one with -m; or see it work: prewarm demo",
    )


def load(path: Path) -> Manifest:
    """Read and check the manifest at ``path``, a file or a folder that holds one.

    Raises:
        ManifestError: it is not there, or anything in it is wrong.
    """
    if path.is_dir():
        path = find(path)
    if not path.exists():
        raise ManifestError(f"there is no manifest at {path}", hint=f"write one: echo '{EXAMPLE}' > {path}")
    content: Any = tomlfile.read(path, ManifestError)
    start = ""
    if path.name == PYPROJECT_NAME:
        content, start = _tools(content).get("prewarm"), "tool.prewarm."
        if content is None:
            raise ManifestError(f"{path} has no [tool.prewarm] table", hint="add one, or name another file with -m")
        if not isinstance(content, dict):
            raise _wrong_type("tool.prewarm", "a table", content)
    return parse(content, path=path, start=start)


def _tools(pyproject: Mapping[str, Any]) -> Mapping[str, Any]:
    tools = pyproject.get("tool", {})
    if not isinstance(tools, dict):
        raise _wrong_type("tool", "a table", tools)
    return tools


def parse(content: Mapping[str, Any], *, path: Path, start: str = "") -> Manifest:
    """Check a manifest's table; ``start`` is what stands before its keys in the file.

    Raises:
        ManifestError: anything in it is wrong.
    """
    for key in content:
        if key not in _TOP:
            raise ManifestError("unknown key", place=f"{start}{key}", hint=nearest(key, _TOP))
    simple = _list(content.get("simple", []), f"{start}simple", "a list of ids")
    advanced = _list(content.get("advanced", []), f"{start}advanced", "tables: [[advanced]]")
    settings = content.get("settings", {})
    if not isinstance(settings, dict):
        raise _wrong_type(f"{start}settings", "a table", settings)
    entries = [_simple(item, f"{start}simple[{at}]") for at, item in enumerate(simple)]
    entries += [_advanced(item, f"{start}advanced[{at}]") for at, item in enumerate(advanced)]
    if not entries:
        raise ManifestError(f"{path.name} has no entries", hint=f"add one: {EXAMPLE}")
    _refuse_duplicates(entries)
    return Manifest(path=path, entries=tuple(entries), settings=settings)


def _simple(item: object, place: str) -> Entry:
    if not isinstance(item, str):
        raise _wrong_type(place, 'a string such as "namespace/name"', item, hint="tables belong under [[advanced]]")
    repo_id, at, revision = item.partition("@")
    fields: dict[str, Any] = {"id": _repo_id(repo_id, place)}
    if at:
        fields["revision"] = _revision(revision, place)
    return Entry(**fields, place=place)


def _advanced(item: object, place: str) -> Entry:
    if not isinstance(item, dict):
        raise _wrong_type(place, "a table", item, hint="strings belong into the list 'simple'")
    fields: dict[str, Any] = {}
    for key, value in item.items():
        read = _KEYS.get(key)
        if read is None:
            raise ManifestError("unknown key", place=f"{place}.{key}", hint=nearest(key, list(_KEYS)))
        fields[key] = read(value, f"{place}.{key}")
    if "id" not in fields:
        raise ManifestError("there is no id", place=place, hint='id = "namespace/name"')
    if "@" in str(item["id"]):
        raise ManifestError("an id with a revision is for simple entries", place=f"{place}.id", hint="use 'revision'")
    entry = Entry(**fields, place=place)
    _refuse_contradictions(entry, item)
    return entry


def _refuse_contradictions(entry: Entry, item: Mapping[str, Any]) -> None:
    if entry.repo_type == "dataset":
        for key in ("model_class", "processor_class", "trust_remote_code", "variant", "dtype", "use_safetensors"):
            if item.get(key):
                raise ManifestError("a dataset is files only", place=f"{entry.place}.{key}", hint="leave it out")
    elif entry.model_class is False and entry.processor_class is False and entry.include is None:
        raise ManifestError(
            "neither model nor processor, and no files are named",
            place=entry.place,
            hint='name the files: include = ["*.onnx"]',
        )


def _refuse_duplicates(entries: list[Entry]) -> None:
    seen: dict[object, Entry] = {}
    for entry in entries:
        key = (
            entry.repo,
            entry.subfolder,
            entry.variant,
            entry.model_class,
            entry.processor_class,
            entry.include,
            entry.exclude,
            repr(sorted(entry.model_kwargs.items())),
        )
        if key in seen:
            raise ManifestError(
                f"'{entry.id}' at '{entry.revision}' is also {seen[key].place}",
                place=entry.place,
                hint="keep one of the two",
            )
        seen[key] = entry


def _wrong_type(place: str, expected: str, value: object, *, hint: str = "") -> ManifestError:
    found = {bool: "a boolean", str: "a string", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return ManifestError(
        f"expected {expected}, not {found.get(type(value), type(value).__name__)}", place=place, hint=hint
    )


def _list(value: object, place: str, expected: str) -> list[object]:
    if not isinstance(value, list):
        raise _wrong_type(place, expected, value)
    return value


def _repo_id(value: object, place: str) -> str:
    text = _text(value, place)
    if names.is_repo_id(text):
        return text
    hint = "an id is 'name' or 'namespace/name', of letters, digits, '-', '_' and '.'"
    pasted = re.match(r"(?:https?://[^/]+/|hf://(?:models/)?)(?:models/)?([\w.-]+/[\w.-]+)", text)
    if pasted and names.is_repo_id(pasted[1]):
        hint = f"did you mean '{pasted[1]}'?"
    elif Path(text).is_absolute() or text.startswith(("./", "../", "~")):
        hint += "; a folder on disk needs no warming"
    raise ManifestError(f"'{text}' is no repository id", place=place, hint=hint)


def _revision(value: object, place: str) -> str:
    text = _text(value, place)
    if not names.is_revision(text):
        raise ManifestError(f"'{text}' is no revision", place=place, hint="name a branch, a tag or a commit")
    return text


def _text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise _wrong_type(place, "a string", value)
    if not value.strip() or value != value.strip():
        raise ManifestError(f"'{value}' is empty or has space around it", place=place)
    return value


def _flag(value: object, place: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong_type(place, "true or false", value)
    return value


def _class_or_false(value: object, place: str) -> str | bool:
    if value is False:
        return False
    if not isinstance(value, str):
        raise _wrong_type(place, "the name of a class, or false", value)
    if not _CLASS.fullmatch(value):
        raise ManifestError(
            f"'{value}' is no class name",
            place=place,
            hint="a name in transformers such as 'AutoModelForCausalLM', or 'package.module:Class'",
        )
    return value


def _globs(value: object, place: str) -> tuple[str, ...]:
    patterns = _list(value, place, "a list of globs")
    if not patterns:
        raise ManifestError("the list is empty", place=place, hint="leave the key out")
    return tuple(_text(pattern, f"{place}[{at}]") for at, pattern in enumerate(patterns))


def _subfolder(value: object, place: str) -> str:
    text = _text(value, place).strip("/")
    if not names.is_path(text):
        raise ManifestError(f"'{value}' is no folder of a repository", place=place)
    return text


def _kwargs(value: object, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _wrong_type(place, "a table", value)
    for key in value:
        if key in _NEVER:
            hint = "a token belongs into HF_TOKEN" if "token" in key else "prewarm sets it"
            raise ManifestError("not for a manifest", place=f"{place}.{key}", hint=hint)
        if key in _SET_ELSEWHERE and not (key == "subfolder" and place.endswith("processor_kwargs")):
            name = "dtype" if key == "torch_dtype" else key
            raise ManifestError("a key of the entry itself", place=f"{place}.{key}", hint=f"move it up: {name} = …")
        if key == "subfolder":
            _subfolder(value[key], f"{place}.{key}")
        _refuse_what_no_call_takes(value[key], f"{place}.{key}")
    return value


def _refuse_what_no_call_takes(value: object, place: str) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _refuse_what_no_call_takes(inner, f"{place}.{key}")
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            _refuse_what_no_call_takes(inner, f"{place}[{at}]")
    elif not isinstance(value, (str, int, float)):
        raise ManifestError("a date or a time is no keyword of a class", place=place, hint="write it as a string")


def _choice(*choices: str) -> Callable[[object, str], str]:
    def read(value: object, place: str) -> str:
        if value not in choices:
            expected = " or ".join(f'"{choice}"' for choice in choices)
            raise ManifestError(f"expected {expected}, not {value!r}", place=place)
        return str(value)

    return read


_KEYS: Mapping[str, Callable[[object, str], Any]] = {
    "id": lambda value, place: _repo_id(_text(value, place).partition("@")[0], place),
    "revision": _revision,
    "model_class": _class_or_false,
    "processor_class": _class_or_false,
    "trust_remote_code": _flag,
    "code_revision": _revision,
    "required": _flag,
    "name": _text,
    "description": _text,
    "subfolder": _subfolder,
    "variant": _text,
    "dtype": _text,
    "use_safetensors": _flag,
    "model_kwargs": _kwargs,
    "processor_kwargs": _kwargs,
    "include": _globs,
    "exclude": _globs,
    "repo_type": _choice("model", "dataset"),
    "proof": _choice("load", "files"),
}
"""The keys of an advanced entry, which are the fields of Entry, and how each is read."""
