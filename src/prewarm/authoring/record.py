"""What an application was seen to load, to entries of a manifest. Changes with how calls become entries."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prewarm.authoring.draft import Draft
from prewarm.records.listing import Repo
from prewarm.records.text import strings_in

_SELF_CHOSEN = ("AutoProcessor", "AutoTokenizer")
_PROCESSORS = ("Tokenizer", "TokenizerFast", "Processor", "FeatureExtractor", "ImageProcessor", "ImageProcessorFast")
_DOWNLOADS = ("huggingface_hub:hf_hub_download", "huggingface_hub:snapshot_download")
_OF_THE_ENTRY = ("revision", "subfolder", "variant", "dtype", "use_safetensors", "trust_remote_code", "code_revision")
_NOT_OF_A_MANIFEST = (
    "token", "use_auth_token", "cache_dir", "cache_folder", "download_root", "local_dir", "local_files_only", "device",
    "device_map", "force_download", "resume_download", "output_loading_info", "attn_implementation", "repo_type",
    "library_name", "library_version", "user_agent", "etag_timeout", "max_workers", "tqdm_class", "headers", "endpoint",
)  # fmt: skip
_ELSEWHERE = ("cache_dir", "cache_folder", "download_root", "local_dir")


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call that the application made."""

    name: str
    args: tuple[Any, ...]
    given: Mapping[str, Any]
    where: str
    """``file:line``."""
    call: str = ""
    within: str | None = None
    """The call that made it; None: the application itself."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What came of a repository."""

    repo: Repo
    given: tuple[str, ...]
    opened: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Drafts:
    """What to write, and what to say of it."""

    entries: tuple[Draft, ...]
    notes: tuple[str, ...]


def read_calls(path: Path) -> list[Call]:
    """The calls that were noted; lines that are none are left out."""
    found = []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    for line in lines:
        try:
            said = json.loads(line)
            found.append(
                Call(
                    name=str(said["name"]),
                    args=tuple(said["args"]),
                    given=dict(said["given"]),
                    where=f"{said['file']}:{said['line']}",
                    call=str(said.get("call") or ""),
                    within=said.get("within"),
                )
            )
        except (ValueError, KeyError, TypeError):
            continue
    return found


def drafts(calls: Collection[Call], seen: Collection[Seen]) -> Drafts:
    """The entries that make ``calls`` load offline."""
    by_id: dict[tuple[str, str], Seen] = {(one.repo.repo_id, one.repo.repo_type): one for one in seen}
    inner: dict[str, list[Call]] = {}
    for call in calls:
        if call.within:
            inner.setdefault(call.within, []).append(call)
    notes: list[str] = []
    explained: set[tuple[str, str]] = set()
    per_repo: dict[str, list[Call]] = {}
    for call in calls:
        if call.within is not None:
            continue
        notes += _elsewhere(call)
        repos = _repos_of(call, inner.get(call.call, []), by_id)
        explained |= {(repo_id, "model") for repo_id in repos}
        if repos and call.name not in _DOWNLOADS and call.name != "datasets:load_dataset":
            per_repo.setdefault(repos[0], []).append(call)
        elif repos:
            explained -= {(repos[0], "model")}
    found = [draft for repo_id, own in per_repo.items() for draft in entries_of(repo_id, own, notes)]
    for key, one in by_id.items():
        if key not in explained and (one.opened or one.given):
            found.append(_by_files(one, calls, notes))
    return Drafts(entries=tuple(found), notes=tuple(dict.fromkeys(notes)))


def _repos_of(call: Call, inner: Iterable[Call], by_id: Mapping[tuple[str, str], Seen]) -> list[str]:
    """The repositories that a call leads to, the one that it is about first."""
    ids = {repo_id for repo_id, _ in by_id}
    said = [*strings_in([call.args, call.given])]
    named = [text for text in said if text in ids]
    within = [text for text in said for repo_id in ids if repo_id in text]
    for one in inner:
        within += [text for text in strings_in([one.args, one.given]) if text in ids]
    if not named:
        # As in "hf_hub:namespace/name".
        named = [repo_id for text in strings_in(call.args) for repo_id in ids if text.endswith(repo_id)]
    return list(dict.fromkeys([*named, *(text for text in within if text in ids)]))


def entries_of(repo_id: str, calls: Collection[Call], notes: list[str]) -> list[Draft]:
    """The entries that make the calls about one repository load offline; what they cannot hold goes to ``notes``."""
    models = [call for call in calls if not _is_processor(call.name) and not _is_config(call.name)]
    processors = [call for call in calls if _is_processor(call.name)]
    chosen = [call for call in processors if call.name not in _SELF_CHOSEN]
    where = tuple(dict.fromkeys(call.where for call in calls))
    if not models:
        keys: dict[str, Any] = {"model_class": False}
        if chosen:
            keys["processor_class"] = chosen[0].name
        keys |= _keys(repo_id, (processors or list(calls))[0], "processor_kwargs", notes)
        return [Draft(id=repo_id, keys=keys, where=where)]
    found: list[Draft] = []
    for model in models:
        keys = _model_keys(repo_id, model, notes)
        if chosen and "task" not in keys and ":" not in model.name:
            keys["processor_class"] = chosen[0].name
        draft = Draft(id=repo_id, keys=keys, where=where)
        if not any(other.keys == draft.keys for other in found):
            found.append(draft)
    return found


def _model_keys(repo_id: str, call: Call, notes: list[str]) -> dict[str, Any]:
    if call.name == "transformers:pipeline":
        given = dict(call.given)
        task = given.pop("task", None) or (call.args[0] if call.args else None)
        for name in ("model", "tokenizer", "feature_extractor", "image_processor", "processor"):
            given.pop(name, None)
        inner = given.pop("model_kwargs", None)
        chosen = {"task": task} if isinstance(task, str) else {}
        if not chosen:
            notes.append(f"{call.where}: a pipeline without a task does not load offline: name it")
        plain = Call(name=call.name, args=(), given={**given, **(inner or {})}, where=call.where)
        return {**chosen, **_keys(repo_id, plain, "model_kwargs", notes)}
    keys: dict[str, Any] = {} if call.name == "AutoModel" else {"model_class": call.name}
    if ":" in call.name and call.args and list(call.args) != [repo_id]:
        keys["model_args"] = [text.replace(repo_id, "{id}") if isinstance(text, str) else text for text in call.args]
    return {**keys, **_keys(repo_id, call, "model_kwargs", notes)}


def _keys(repo_id: str, call: Call, table: str, notes: list[str]) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in call.given.items():
        plain = "dtype" if name == "torch_dtype" else name
        if plain in _NOT_OF_A_MANIFEST or value is None or value in ("", repo_id):
            continue
        if _is_strange(value):
            notes.append(f"{call.where}: {name} is no value that a manifest can hold: left out")
        elif plain in _OF_THE_ENTRY:
            is_default = (plain == "revision" and value == "main") or (plain == "trust_remote_code" and not value)
            keys |= {} if is_default or (plain == "dtype" and value == "auto") else {plain: value}
        else:
            rest[name] = value
    return {**keys, table: rest} if rest else keys


def _is_strange(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "!" in value or any(map(_is_strange, value.values()))
    return isinstance(value, (list, tuple)) and any(map(_is_strange, value))


def _by_files(seen: Seen, calls: Iterable[Call], notes: list[str]) -> Draft:
    keys: dict[str, Any] = {}
    if seen.repo.revision != "main":
        keys["revision"] = seen.repo.revision
    if seen.repo.repo_type == "dataset":
        keys["repo_type"] = "dataset"
        reads = f'load_dataset(snapshot_download("{seen.repo.repo_id}", repo_type="dataset"))'
        notes.append(f"{seen.repo.repo_id}: offline it is read by {reads}, and not by load_dataset(id)")
    keys["include"] = list(seen.opened or seen.given)
    own = [call for call in calls if call.within is None]
    where = [call.where for call in own if seen.repo.repo_id in [*strings_in([call.args, call.given])]]
    return Draft(id=seen.repo.repo_id, keys=keys, where=tuple(dict.fromkeys(where)))


def _elsewhere(call: Call) -> list[str]:
    return [
        f"{call.where}: {name} leads it to another folder, which prewarm does not fill"
        for name in _ELSEWHERE
        if call.given.get(name)
    ]


def _is_processor(name: str) -> bool:
    return ":" not in name and name.endswith(_PROCESSORS)


def _is_config(name: str) -> bool:
    return ":" not in name and name.endswith("Config")
