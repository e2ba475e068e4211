"""Values of a manifest's keys, checked. Changes with what a key can hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from prewarm.records import names
from prewarm.records.errors import ManifestError

_CLASS = re.compile(r"[A-Za-z_]\w*|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_SET_ELSEWHERE = ("revision", "subfolder", "trust_remote_code", "code_revision", "dtype", "torch_dtype", "variant")
_UNSAFE: Mapping[str, bool] = {"weights_only": False, "allow_pickle": True}
_NEVER = ("token", "use_auth_token", "cache_dir", "local_files_only", "force_download", "output_loading_info")


def wrong_type(place: str, expected: str, value: object, *, hint: str = "") -> ManifestError:
    """What to say of a value of another type."""
    found = {bool: "a boolean", str: "a string", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return ManifestError(
        f"expected {expected}, not {found.get(type(value), type(value).__name__)}", place=place, hint=hint
    )


def items(value: object, place: str, expected: str) -> list[object]:
    """A list.

    Raises:
        ManifestError: it is none.
    """
    if not isinstance(value, list):
        raise wrong_type(place, expected, value)
    return value


def repo_id(value: object, place: str) -> str:
    """The id of a repository.

    Raises:
        ManifestError: it is none.
    """
    said = text(value, place)
    if names.is_repo_id(said):
        return said
    hint = "an id is 'name' or 'namespace/name', of letters, digits, '-', '_' and '.'"
    pasted = re.match(r"(?:https?://[^/]+/|hf://(?:models/)?)(?:models/)?([\w.-]+/[\w.-]+)", said)
    if pasted and names.is_repo_id(pasted[1]):
        hint = f"did you mean '{pasted[1]}'?"
    elif Path(said).is_absolute() or said.startswith(("./", "../", "~")):
        hint += "; a folder on disk needs no warming"
    raise ManifestError(f"'{said}' is no repository id", place=place, hint=hint)


def revision(value: object, place: str) -> str:
    """A branch, a tag or a commit.

    Raises:
        ManifestError: it is none.
    """
    said = text(value, place)
    if not names.is_revision(said):
        raise ManifestError(f"'{said}' is no revision", place=place, hint="name a branch, a tag or a commit")
    return said


def text(value: object, place: str) -> str:
    """A string with something in it.

    Raises:
        ManifestError: it is none.
    """
    if not isinstance(value, str):
        raise wrong_type(place, "a string", value)
    if not value.strip() or value != value.strip():
        raise ManifestError(f"'{value}' is empty or has space around it", place=place)
    return value


def flag(value: object, place: str) -> bool:
    """A boolean.

    Raises:
        ManifestError: it is none.
    """
    if not isinstance(value, bool):
        raise wrong_type(place, "true or false", value)
    return value


def class_or_false(value: object, place: str) -> str | bool:
    """The name of a class or of a function, or false.

    Raises:
        ManifestError: it is none.
    """
    if value is False:
        return False
    if not isinstance(value, str):
        raise wrong_type(place, "the name of a class, or false", value)
    if not _CLASS.fullmatch(value):
        raise ManifestError(
            f"'{value}' is no class name",
            place=place,
            hint="a name in transformers such as 'AutoModelForCausalLM', or 'package.module:Class'",
        )
    return value


def globs(value: object, place: str) -> tuple[str, ...]:
    """A list of globs.

    Raises:
        ManifestError: it is none.
    """
    patterns = items(value, place, "a list of globs")
    if not patterns:
        raise ManifestError("the list is empty", place=place, hint="leave the key out")
    return tuple(text(pattern, f"{place}[{at}]") for at, pattern in enumerate(patterns))


def subfolder(value: object, place: str) -> str:
    """A folder of a repository.

    Raises:
        ManifestError: it is none.
    """
    said = text(value, place).strip("/")
    if not names.is_path(said):
        raise ManifestError(f"'{value}' is no folder of a repository", place=place)
    return said


def keywords(value: object, place: str) -> Mapping[str, Any]:
    """The keywords of a call.

    Raises:
        ManifestError: it is none.
    """
    if not isinstance(value, dict):
        raise wrong_type(place, "a table", value)
    for key in value:
        if key in _NEVER:
            hint = "a token belongs into HF_TOKEN" if "token" in key else "prewarm sets it"
            raise ManifestError("not for a manifest", place=f"{place}.{key}", hint=hint)
        if key in _SET_ELSEWHERE and not (key == "subfolder" and place.endswith("processor_kwargs")):
            name = "dtype" if key == "torch_dtype" else key
            raise ManifestError("a key of the entry itself", place=f"{place}.{key}", hint=f"move it up: {name} = …")
        if key == "subfolder":
            subfolder(value[key], f"{place}.{key}")
        refuse_what_no_call_takes(value[key], f"{place}.{key}")
    return value


def arguments(value: object, place: str) -> tuple[Any, ...]:
    """The positional arguments of a call.

    Raises:
        ManifestError: they are none.
    """
    found = items(value, place, "a list of arguments")
    if not found:
        raise ManifestError("the list is empty", place=place, hint='leave the key out, or name them: ["{id}"]')
    refuse_what_no_call_takes(found, place)
    return tuple(found)


def unsafe_keyword(table: Mapping[str, Any]) -> str | None:
    """The keyword that switches off what keeps files from running code; None where there is none."""
    for key, value in table.items():
        if _UNSAFE.get(key) is value:
            return key
        if isinstance(value, Mapping) and (inner := unsafe_keyword(value)):
            return f"{key}.{inner}"
    return None


def paths(value: object, place: str) -> tuple[str, ...]:
    """Paths of files in a repository.

    Raises:
        ManifestError: they are none.
    """
    found = items(value, place, "a list of paths")
    for at, path in enumerate(found):
        if not isinstance(path, str) or not names.is_path(path) or set(path) & set("*?["):
            raise ManifestError(
                f"'{path}' is no path of one file", place=f"{place}[{at}]", hint='as the listing has it: "head.pkl"'
            )
    return tuple(map(str, found))


def words(value: object, place: str) -> tuple[str, ...]:
    """A command as a list of words.

    Raises:
        ManifestError: it is none.
    """
    if isinstance(value, str):
        hint = "a list of words: [" + ", ".join(f'"{word}"' for word in value.split()) + "]"
        raise wrong_type(place, "a list of words", value, hint=hint)
    found = items(value, place, "a list of words")
    if not found:
        raise ManifestError("the list is empty", place=place, hint='name a command: ["python", "-c", "import app"]')
    for at, word in enumerate(found):
        if not isinstance(word, str) or "\0" in word:
            raise wrong_type(f"{place}[{at}]", "a string", word)
    if not found[0]:
        raise ManifestError("the command has no name", place=f"{place}[0]")
    return tuple(map(str, found))


def refuse_what_no_call_takes(value: object, place: str) -> None:
    """Raise ManifestError for dates and times, which no keyword is."""
    if isinstance(value, dict):
        for key, inner in value.items():
            refuse_what_no_call_takes(inner, f"{place}.{key}")
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            refuse_what_no_call_takes(inner, f"{place}[{at}]")
    elif value is not None and not isinstance(value, (str, int, float)):
        raise ManifestError("a date or a time is no keyword of a class", place=place, hint="write it as a string")


def choice(*choices: str) -> Callable[[object, str], str]:
    """One of some words."""

    def read(value: object, place: str) -> str:
        if value not in choices:
            expected = " or ".join(f'"{choice}"' for choice in choices)
            raise ManifestError(f"expected {expected}, not {value!r}", place=place)
        return str(value)

    return read
