"""prewarm.toml, or ``[tool.prewarm]`` of pyproject.toml, to a Manifest. Changes when an entry gets a new key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from prewarm.manifest import toml as tomlfile
from prewarm.manifest import values
from prewarm.manifest.application import read_application
from prewarm.manifest.audit import read_ignored
from prewarm.manifest.export import read_export
from prewarm.manifest.sample import read_generation, read_samples, read_seed
from prewarm.manifest.settings import nearest
from prewarm.manifest.wrapped import read_wrapped
from prewarm.records.entry import Application, Entry, Manifest, Wrapped
from prewarm.records.errors import ManifestError, NoManifestError

MANIFEST_NAME = "prewarm.toml"
PYPROJECT_NAME = "pyproject.toml"
EXAMPLE = 'simple = ["sentence-transformers/all-MiniLM-L6-v2"]'

_NOT_FOR_DATASETS = (
    "model_class",
    "processor_class",
    "task",
    "trust_remote_code",
    "variant",
    "dtype",
    "use_safetensors",
    "sample",
    "generation",
)
_TOP = ["simple", "advanced", "application", "wrapped", "audit", "settings"]


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
    raise NoManifestError(
        f"there is no {MANIFEST_NAME} and no [tool.prewarm] in {PYPROJECT_NAME} here ({folder})",
        hint="prewarm scan . --write finds what your code loads, prewarm add ID writes an entry; or name one with -m; "
        "or see it work: prewarm demo",
    )


def load(path: Path, *, may_be_empty: bool = False) -> Manifest:
    """Read and check the manifest at ``path``, a file or a folder that holds one.

    Args:
        path: where it is.
        may_be_empty: whether it may have no entries, as one has that was only begun.

    Raises:
        ManifestError: it is not there, or anything in it is wrong.
    """
    if path.is_dir():
        path = find(path)
    if not path.exists():
        raise ManifestError(f"there is no manifest at {path}", hint=f"write one: echo '{EXAMPLE}' > {path}")
    return _of_file(tomlfile.read(path, ManifestError), path, may_be_empty=may_be_empty)


def check(text: str, path: Path) -> Manifest:
    """What ``text`` would be in the file at ``path``.

    Raises:
        ManifestError: no manifest.
    """
    try:
        content = tomlfile.parse(text)
    except ValueError as error:
        raise ManifestError(f"{path.name} would be no valid TOML: {error}") from None
    return _of_file(content, path, may_be_empty=True)


def _of_file(content: Any, path: Path, *, may_be_empty: bool) -> Manifest:
    start = ""
    if path.name == PYPROJECT_NAME:
        content, start = _tools(content).get("prewarm"), "tool.prewarm."
        if content is None and may_be_empty:
            content = {}
        if content is None:
            raise ManifestError(f"{path} has no [tool.prewarm] table", hint="add one, or name another file with -m")
        if not isinstance(content, dict):
            raise values.wrong_type("tool.prewarm", "a table", content)
    return parse(content, path=path, start=start, may_be_empty=may_be_empty)


def _tools(pyproject: Mapping[str, Any]) -> Mapping[str, Any]:
    tools = pyproject.get("tool", {})
    if not isinstance(tools, dict):
        raise values.wrong_type("tool", "a table", tools)
    return tools


def parse(content: Mapping[str, Any], *, path: Path, start: str = "", may_be_empty: bool = False) -> Manifest:
    """Check a manifest's table; ``start`` is what stands before its keys in the file.

    Raises:
        ManifestError: anything in it is wrong.
    """
    for key in content:
        if key not in _TOP:
            raise ManifestError("unknown key", place=f"{start}{key}", hint=nearest(key, _TOP))
    simple = values.items(content.get("simple", []), f"{start}simple", "a list of ids")
    advanced = values.items(content.get("advanced", []), f"{start}advanced", "tables: [[advanced]]")
    settings = content.get("settings", {})
    if not isinstance(settings, dict):
        raise values.wrong_type(f"{start}settings", "a table", settings)
    entries = [_simple(item, f"{start}simple[{at}]") for at, item in enumerate(simple)]
    entries += [_advanced(item, f"{start}advanced[{at}]") for at, item in enumerate(advanced)]
    applications = [
        read_application(item, f"{start}application[{at}]", at + 1, path.parent)
        for at, item in enumerate(
            values.items(content.get("application", []), f"{start}application", "tables: [[application]]")
        )
    ]
    wrapped = [
        read_wrapped(item, f"{start}wrapped[{at}]", path.parent)
        for at, item in enumerate(values.items(content.get("wrapped", []), f"{start}wrapped", "tables: [[wrapped]]"))
    ]
    if not entries and not applications and not wrapped and not may_be_empty:
        raise ManifestError(f"{path.name} has no entries", hint=f"add one: {EXAMPLE}")
    _refuse_duplicates(entries)
    _refuse_equal_names(entries, [*applications, *wrapped])
    return Manifest(
        path=path,
        entries=tuple(entries),
        applications=tuple(applications),
        wrapped=tuple(wrapped),
        ignored=read_ignored(content.get("audit", {}), f"{start}audit"),
        settings=settings,
    )


def _simple(item: object, place: str) -> Entry:
    if not isinstance(item, str):
        raise values.wrong_type(
            place, 'a string such as "namespace/name"', item, hint="tables belong under [[advanced]]"
        )
    repo_id, at, revision = item.partition("@")
    fields: dict[str, Any] = {"id": values.repo_id(repo_id, place)}
    if at:
        fields["revision"] = values.revision(revision, place)
    return Entry(**fields, place=place)


def _advanced(item: object, place: str) -> Entry:
    if not isinstance(item, dict):
        raise values.wrong_type(place, "a table", item, hint="strings belong into the list 'simple'")
    fields: dict[str, Any] = {}
    for key, value in item.items():
        read = _KEYS.get(key)
        if read is None:
            raise ManifestError("unknown key", place=f"{place}.{key}", hint=nearest(key, list(_KEYS)))
        fields["samples" if key == "sample" else key] = read(value, f"{place}.{key}")
    if "id" not in fields:
        raise ManifestError("there is no id", place=place, hint='id = "namespace/name"')
    if "@" in str(item["id"]):
        raise ManifestError("an id with a revision is for simple entries", place=f"{place}.id", hint="use 'revision'")
    entry = Entry(**fields, place=place)
    _refuse_contradictions(entry, item)
    return entry


def _refuse_contradictions(entry: Entry, item: Mapping[str, Any]) -> None:
    if entry.repo_type == "dataset":
        for key in _NOT_FOR_DATASETS:
            if item.get(key) and not (key == "model_class" and entry.foreign_class):
                raise ManifestError("a dataset is files only", place=f"{entry.place}.{key}", hint="leave it out")
    elif entry.model_class is False and entry.processor_class is False and entry.include is None:
        raise ManifestError(
            "neither model nor processor, and no files are named",
            place=entry.place,
            hint='name the files: include = ["*.onnx"]',
        )

    for table in ("model_kwargs", "processor_kwargs"):
        if (unsafe := values.unsafe_keyword(getattr(entry, table))) and not entry.unsafe:
            raise ManifestError(
                "it lets files run code as they are opened",
                place=f"{entry.place}.{table}.{unsafe}",
                hint="leave it out; or add unsafe = true to the entry, if you trust every file of the repository",
            )
    if entry.task is not None and entry.model_class is not None:
        said = "transformers.pipeline chooses the class by the task"
        raise ManifestError(said, place=f"{entry.place}.model_class", hint="leave model_class or task out")
    if entry.model_args is not None and not entry.foreign_class:
        raise ManifestError(
            "a class of transformers is called with the id",
            place=f"{entry.place}.model_args",
            hint='leave it out, or name what is called: model_class = "package.module:Name"',
        )


def _refuse_equal_names(entries: list[Entry], others: list[Application | Wrapped]) -> None:
    taken = {word for entry in entries for word in (entry.id, entry.name) if word}
    for other in others:
        if other.name in taken:
            said = f"'{other.name}' is the name of another one"
            raise ManifestError(said, place=f"{other.place}.name", hint="give it a name of its own")
        taken.add(other.name)


def _refuse_duplicates(entries: list[Entry]) -> None:
    seen: dict[object, Entry] = {}
    for entry in entries:
        key = (
            entry.repo,
            entry.subfolder,
            entry.variant,
            entry.model_class,
            entry.processor_class,
            entry.task,
            repr(entry.model_args),
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


_KEYS: Mapping[str, Callable[[object, str], Any]] = {
    "id": lambda value, place: values.repo_id(values.text(value, place).partition("@")[0], place),
    "revision": values.revision,
    "model_class": values.class_or_false,
    "processor_class": values.class_or_false,
    "task": values.text,
    "model_args": values.arguments,
    "trust_remote_code": values.flag,
    "code_revision": values.revision,
    "required": values.flag,
    "name": values.text,
    "description": values.text,
    "subfolder": values.subfolder,
    "variant": values.text,
    "dtype": values.text,
    "use_safetensors": values.flag,
    "model_kwargs": values.keywords,
    "processor_kwargs": values.keywords,
    "include": values.globs,
    "exclude": values.globs,
    "repo_type": values.choice("model", "dataset"),
    "unsafe_files": values.paths,
    "unsafe": values.flag,
    "proof": values.choice("load", "files"),
    "export": read_export,
    "sample": read_samples,
    "generation": read_generation,
    "seed": read_seed,
}
"""The keys of an advanced entry, which are the fields of Entry but for ``sample``, and how each is read."""
