"""What classes of other libraries open, as far as it is known. Changes with these libraries.

Rules for the weights above all, so that the right ones come at once and the plan says their size; what else a class
asks for is seen when it is first loaded. Read in diffusers 0.42, timm 1.0.31, open_clip 3.3, faster-whisper 1.2, peft
0.21 and setfit 1.2.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Collection, Mapping

from prewarm.plan.globs import matches_any
from prewarm.plan.known import Known
from prewarm.plan.weights import weight_files
from prewarm.records import names
from prewarm.records.entry import Entry
from prewarm.records.listing import Repo

_SAFE, _PICKLED = (".safetensors",), (".bin",)
_OTHER = (".ckpt", ".pt", ".pth", ".h5", ".msgpack", ".onnx", ".onnx_data", ".pb", ".xml", ".ot", ".gguf", ".tflite")
_ONE_WEIGHT = re.compile(r"[\w]+(?:-\d+-of-\d+)?\.(?:safetensors|bin)")
SNAPSHOT = "huggingface_hub:snapshot_download"
ADAPTER_CONFIG = "adapter_config.json"
_ADAPTER_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")


def files_of(entry: Entry, known: Known) -> dict[Repo, set[str]] | None:
    """The files that the entry's class opens; None where nothing is known of its library.

    Raises:
        Needs: the content of a small file.
    """
    rule = _RULES.get(entry.package)
    return rule(entry, known) if rule is not None else None


def snapshot_files(entry: Entry, paths: Collection[str]) -> set[str]:
    """What ``snapshot_download`` brings."""
    allowed, ignored = (_patterns(entry, name) for name in ("allow_patterns", "ignore_patterns"))
    return {path for path in paths if (not allowed or matches_any(path, allowed)) and not matches_any(path, ignored)}


def _patterns(entry: Entry, name: str) -> list[str]:
    said = entry.model_kwargs.get(name)
    return [said] if isinstance(said, str) else [glob for glob in said or () if isinstance(glob, str)]


def adapter_weights(paths: Collection[str], folder: str) -> str | None:
    """The weights of an adapter below ``folder`` (empty, or with a slash at its end)."""
    return next((folder + name for name in _ADAPTER_WEIGHTS if folder + name in paths), None)


def _diffusers(entry: Entry, known: Known) -> dict[Repo, set[str]]:
    repo, folder = entry.repo, f"{entry.subfolder}/" if entry.subfolder else ""
    paths = known.paths(repo)
    index = f"{folder}model_index.json"
    if index not in paths:
        return {repo: _component(entry, paths, folder)}
    parts = known.table(repo, index)
    found = {index}
    for name, said in parts.items():
        is_part = isinstance(said, list) and len(said) == 2 and all(isinstance(word, str) for word in said)
        if is_part and name not in entry.model_kwargs:
            found |= _component(entry, paths, f"{folder}{name}/")
    return {repo: found}


def _component(entry: Entry, paths: Collection[str], folder: str) -> set[str]:
    inside = {path[len(folder) :] for path in paths if path.startswith(folder)}
    inside = {name for name in inside if "/" not in name}
    endings = {True: [_SAFE], False: [_PICKLED], None: [_SAFE, _PICKLED]}[entry.use_safetensors]
    weights: set[str] = set()
    for ending in endings:
        of_format = {name for name in inside if name.endswith(ending)}
        varied = {name for name in of_format if entry.variant and f".{entry.variant}" in name}
        weights = varied or {name for name in of_format if _ONE_WEIGHT.fullmatch(name)}
        if weights:
            break
    rest = {name for name in inside if not name.endswith((*_SAFE, *_PICKLED, *_OTHER)) and name != "README.md"}
    if not folder:
        rest &= {"config.json"}
    return {folder + name for name in weights | rest}


def _timm(entry: Entry, known: Known) -> dict[Repo, set[str]]:
    return {entry.repo: _first(known.paths(entry.repo), "config.json", ("model.safetensors", "pytorch_model.bin"))}


def _open_clip(entry: Entry, known: Known) -> dict[Repo, set[str]]:
    weights = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
    return {entry.repo: _first(known.paths(entry.repo), "open_clip_config.json", weights)}


def _first(paths: Collection[str], config: str, weights: Collection[str]) -> set[str]:
    return {config, *[name for name in weights if name in paths][:1]} & set(paths)


def _faster_whisper(entry: Entry, known: Known) -> dict[Repo, set[str]]:
    wanted = ("config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*")
    paths = known.paths(entry.repo)
    return {entry.repo: {path for path in paths if any(fnmatch.fnmatchcase(path, glob) for glob in wanted)}}


def _peft(entry: Entry, known: Known) -> dict[Repo, set[str]]:
    repo = entry.repo
    folder = f"{entry.subfolder}/" if entry.subfolder else ""
    paths = known.paths(repo)
    if folder + ADAPTER_CONFIG not in paths:
        return {repo: set()}
    said = known.table(repo, folder + ADAPTER_CONFIG)
    found = {repo: {folder + ADAPTER_CONFIG, *filter(None, [adapter_weights(paths, folder)])}}
    base_id, revision = said.get("base_model_name_or_path"), said.get("revision")
    if not isinstance(base_id, str) or not names.is_repo_id(base_id):
        return found
    is_named = isinstance(revision, str) and names.is_revision(revision)
    base = Repo(repo_id=base_id, revision=str(revision) if is_named else "main")
    config = known.table(base, "config.json")
    own = {path for path in ("config.json", "generation_config.json") if path in known.paths(base)}
    return {**found, base: own | weight_files(entry, known, base, "", config)}


_RULES: Mapping[str, Callable[[Entry, Known], dict[Repo, set[str]]]] = {
    "diffusers": _diffusers,
    "timm": _timm,
    "open_clip": _open_clip,
    "faster_whisper": _faster_whisper,
    "peft": _peft,
}
