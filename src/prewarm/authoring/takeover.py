"""Lists of models that people have already, to entries: scripts, text files, JSON of image builds, Dockerfiles.

Changes with the forms that such lists have. Nothing is run.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from typing import Any

from prewarm.authoring.addresses import parse
from prewarm.authoring.draft import Draft
from prewarm.authoring.shell import DOWNLOAD, Taken, of_shell
from prewarm.records.errors import CommandError, ManifestError
from prewarm.records.text import quoted

_LISTS = ("SIMPLE_MODELS", "ADVANCED_MODELS", "MODELS", "MODEL_IDS", "MODEL_NAMES")
_IDS = ("id", "model_id", "model_name", "repo_id", "name", "model", "huggingface_model", "hf_model")
_KEYS = (
    "model_class", "processor_class", "trust_remote_code", "revision", "subfolder", "variant", "dtype",
    "use_safetensors", "model_kwargs", "processor_kwargs", "required", "description", "code_revision", "task",
)  # fmt: skip
_TYPES = {"name": str, "description": str, "required": bool, "trust_remote_code": bool, "use_safetensors": bool}
_NOT_YET = ("output_dir", "check_files", "task_type", "max_length", "opset_version")
"""Of a ``models.json``: what has no key of an entry."""
_HINT = "it takes a Python script, a text file of ids, a models.json, a Dockerfile or a shell script"


def take(text: str, name: str) -> Taken:
    """The entries that a file names.

    Args:
        text: its content.
        name: of the file, which tells its kind.

    Raises:
        ManifestError: it is of no kind that is known, or names nothing.
    """
    lower = name.lower().rpartition("/")[2]
    if lower.endswith(".json"):
        taken = _of_json(text, name)
    elif lower.endswith(".py"):
        taken = _of_python(text, name)
    elif "dockerfile" in lower or lower.endswith((".sh", ".bash", ".containerfile")) or DOWNLOAD.search(text):
        taken = of_shell(text, name)
    else:
        taken = _of_text(text, name)
    if not taken.drafts:
        raise ManifestError(f"{name} names no model", hint=_HINT)
    return Taken(drafts=_once(taken.drafts), notes=taken.notes)


def _once(drafts: tuple[Draft, ...]) -> tuple[Draft, ...]:
    found: dict[str, Draft] = {}
    for draft in drafts:
        found.setdefault(repr(sorted(draft.table.items(), key=str)), draft)
    return tuple(found.values())


def _of_text(text: str, name: str) -> Taken:
    drafts, notes = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        said = line.partition("#")[0].strip().strip("-*,").strip()
        if not said:
            continue
        try:
            pasted = parse(said)
        except CommandError as error:
            notes.append(f"{name}:{number}: {error.message}: left out")
            continue
        keys: dict[str, Any] = {} if pasted.repo.revision == "main" else {"revision": pasted.repo.revision}
        if pasted.repo.repo_type == "dataset":
            keys |= {"repo_type": "dataset", "include": ["*"]}
        elif pasted.path:
            keys["include"] = [pasted.path]
        drafts.append(Draft(id=pasted.repo.repo_id, keys=keys, where=(f"{name}:{number}",)))
    return Taken(drafts=tuple(drafts), notes=tuple(notes))


def _of_json(text: str, name: str) -> Taken:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise ManifestError(f"{name} is no JSON{where}", hint=_HINT) from None
    listed = said.get("models") if isinstance(said, dict) else said
    if not isinstance(listed, list):
        raise ManifestError(f"{name} has no list of models", hint='{"models": [{"id": …, "huggingface_model": …}]}')
    drafts: list[Draft] = []
    notes: list[str] = []
    for at, item in enumerate(listed):
        place = f"{name}: models[{at}]"
        if isinstance(item, str):
            drafts += _named(item, {}, place, notes)
        elif isinstance(item, dict):
            drafts += _of_table(item, place, notes)
        else:
            notes.append(f"{place} is no table: left out")
    return Taken(drafts=tuple(drafts), notes=tuple(notes))


def _of_python(text: str, name: str) -> Taken:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f" (line {error.lineno})" if isinstance(error, SyntaxError) else ""
        raise ManifestError(
            f"{name} cannot be read as Python{line}", hint="mend it, or let prewarm record see it"
        ) from None
    drafts: list[Draft] = []
    notes: list[str] = []
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        called = [target.id for target in targets if isinstance(target, ast.Name) and target.id.upper() in _LISTS]
        if called and isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)) and node.value is not None:
            drafts += _listed(node.value, called[0], name, notes)
    if not drafts:
        notes.append(f"{name} has no list {' or '.join(_LISTS[:2])}: prewarm scan reads what its code loads")
    return Taken(drafts=tuple(drafts), notes=tuple(notes))


def _listed(value: ast.expr, called: str, name: str, notes: list[str]) -> Iterator[Draft]:
    pairs = _pairs(value)
    for key, node in pairs:
        place = f"{name}:{node.lineno}"
        said = _plain(node)
        if isinstance(said, str):
            yield from _named(said, {}, place, notes)
        elif isinstance(said, (tuple, list)) and said and isinstance(said[0], str):
            classes = [word for word in said[1:] if isinstance(word, (str, bool))]
            yield from _named(
                said[0], dict(zip(("model_class", "processor_class"), classes, strict=False)), place, notes
            )
        elif isinstance(said, dict):
            yield from _of_table({"id": key, **said} if isinstance(key, str) else said, place, notes)
        else:
            notes.append(f"{place}: an item of {called} is no constant: left out")


def _pairs(value: ast.expr) -> list[tuple[Any, ast.expr]]:
    if isinstance(value, (ast.List, ast.Tuple, ast.Set)):
        return [(None, item) for item in value.elts]
    if isinstance(value, ast.Dict):
        return [
            (_plain(key) if key is not None else None, item) for key, item in zip(value.keys, value.values, strict=True)
        ]
    return []


def _plain(node: ast.expr) -> Any:
    """A constant; a name as its text: ``AutoModelForCausalLM`` is a class in such lists."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Dict):
        return {_plain(key): _plain(item) for key, item in zip(node.keys, node.values, strict=True) if key is not None}
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_plain(item) for item in node.elts]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
        return {word.arg: _plain(word.value) for word in node.keywords if word.arg}
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _id_of(item: Mapping[str, Any]) -> str:
    """What names the repository: by what it looks like, since ``id`` is a short name in some lists."""
    said = [
        item[key] for key in ("huggingface_model", "hf_model", "repo_id", "model_id") if isinstance(item.get(key), str)
    ]
    said += [item[key] for key in _IDS if isinstance(item.get(key), str) and "/" in item[key]]
    said += [item[key] for key in _IDS if isinstance(item.get(key), str)]
    return str(said[0]) if said else ""


def _of_table(item: Mapping[str, Any], place: str, notes: list[str]) -> Iterator[Draft]:
    repo_id = _id_of(item)
    if not repo_id:
        notes.append(f"{place} names no repository: left out")
        return
    keys: dict[str, Any] = {}
    comments: list[str] = []
    for key, value in item.items():
        if value is None or value == repo_id:
            continue
        if key in ("id", "name") and isinstance(value, str):
            # A short name selects it; a second one is for people.
            keys.setdefault("name" if "name" not in keys else "description", value)
        elif key in _KEYS and isinstance(value, _TYPES.get(key, object)):
            keys[key] = value
        else:
            comments.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")
            if key in _KEYS:
                notes.append(f"{place}: {key} is no value that an entry can have: it stands beside it as a comment")
            elif key not in _NOT_YET:
                notes.append(f"{place}: {quoted(str(key), 60)} is no key of an entry: it stands beside it as a comment")
    later = [key for key in _NOT_YET if key in item]
    if later:
        notes.append(f"{place}: {', '.join(later)} has no place yet: as a comment beside the entry")
    for draft in _named(repo_id, keys, place, notes):
        yield Draft(id=draft.id, keys=draft.keys, where=draft.where, comments=tuple(comments))


def _named(said: str, keys: Mapping[str, Any], place: str, notes: list[str]) -> Iterator[Draft]:
    try:
        pasted = parse(said)
    except CommandError as error:
        notes.append(f"{place}: {error.message}: left out")
        return
    more = {} if pasted.repo.revision == "main" else {"revision": pasted.repo.revision}
    kept = {key: value for key, value in keys.items() if value not in ("AutoModel", "AutoProcessor")}
    yield Draft(id=pasted.repo.repo_id, keys={**more, **kept}, where=(place,))
