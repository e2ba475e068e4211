"""The exact set of files that an entry's classes open. Changes when a class opens something else."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from prewarm.plan import code, libraries, processor, weights
from prewarm.plan.globs import matches_any
from prewarm.plan.known import Known
from prewarm.plan.libraries import ADAPTER_CONFIG
from prewarm.plan.processor import ProcessorChoice, processor_files, processor_folder, processor_of, processor_repo
from prewarm.records import names
from prewarm.records.entry import Entry
from prewarm.records.errors import PlanError
from prewarm.records.listing import Repo
from prewarm.records.text import quoted

CONFIG = "config.json"
SENTENCE_TRANSFORMERS = "sentence_transformers"
_PLAIN_MODULES = {"Transformer", "Pooling", "Normalize", "Dense"}
"""Modules of sentence-transformers that open what the rule says, and nothing else."""
_OTHER_FORMATS = ("onnx/", "openvino/", "coreml/")
_WEIGHT_ENDINGS = (".safetensors", ".bin", ".h5", ".msgpack", ".ot", ".onnx", ".gguf", ".pt")


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What an entry needs, per repository, the entry's own first."""

    files: Mapping[Repo, frozenset[str]]
    processor: ProcessorChoice
    notes: tuple[str, ...] = ()
    is_exact: bool = True
    """Whether rules tell all that is opened; else the first load does, and these are the files to begin with."""


def select(entry: Entry, known: Known) -> Selection:
    """Decide the files of ``entry``.

    Raises:
        Needs: more has to be known; see Known.
        PlanError: its classes cannot load what the repository has.
    """
    repo = entry.repo
    paths = known.paths(repo)
    if entry.include is not None or entry.repo_type == "dataset" or entry.opens_folder:
        _refuse_odd(entry, known.listing(repo).odd)
        chosen = {repo: _matching(entry, paths)}
        return Selection(files=_frozen(chosen, entry), processor=_no_choice(entry, known, repo))
    if entry.foreign_class == libraries.SNAPSHOT:
        chosen = {repo: libraries.snapshot_files(entry, paths)}
        return Selection(files=_frozen(chosen, entry), processor=_no_choice(entry, known, repo))
    if entry.package and (files := libraries.files_of(entry, known)) is not None:
        return _to_begin_with(entry, known, files)
    try:
        found = _by_rule(entry, known, repo)
    except PlanError:
        if not _is_loaded_by_others(entry, known, repo):
            raise
        return _to_begin_with(entry, known, {repo: _documents(entry, known, repo)})
    return replace(found, is_exact=_is_exact(entry, known, repo, found))


def _to_begin_with(entry: Entry, known: Known, files: Mapping[Repo, set[str]]) -> Selection:
    kept = {repo: _less(paths, entry) for repo, paths in files.items()}
    return Selection(files=kept, processor=_no_choice(entry, known, entry.repo), is_exact=False)


def _is_loaded_by_others(entry: Entry, known: Known, repo: Repo) -> bool:
    """Whether a class loads it that no rule is known for: what the repository lacks by rule may not be asked for."""
    if entry.foreign_class or entry.task:
        return entry.loads_model
    folder = _folder(entry)
    return entry.trust_remote_code and any(code.references(known.table(repo, folder + CONFIG)))


def _documents(entry: Entry, known: Known, repo: Repo) -> set[str]:
    """The small files that any loader reads, with the code that they name."""
    folder, paths = _folder(entry), known.paths(repo)
    found = {path for path in (folder + CONFIG,) if path in paths}
    if entry.trust_remote_code:
        found |= _remote_code(entry, known, repo, found).get(repo, set())
    return found


def _is_exact(entry: Entry, known: Known, repo: Repo, found: Selection) -> bool:
    if entry.task is not None or any(path.endswith(".py") for paths in found.files.values() for path in paths):
        return False
    if entry.foreign_class is None:
        return True
    return entry.package == SENTENCE_TRANSFORMERS and _has_plain_modules(known, repo)


def _has_plain_modules(known: Known, repo: Repo) -> bool:
    if "modules.json" not in known.paths(repo):
        return True
    kinds = [str(module.get("type") or "") for module in known.items(repo, "modules.json") if isinstance(module, dict)]
    is_plain = all(kind.startswith(f"{SENTENCE_TRANSFORMERS}.") for kind in kinds)
    return is_plain and {kind.rpartition(".")[2] for kind in kinds} <= _PLAIN_MODULES


def _by_rule(entry: Entry, known: Known, repo: Repo) -> Selection:
    paths = known.paths(repo)
    chosen = {repo: set[str]()}
    notes: list[str] = []
    adapter = f"{_folder(entry)}{ADAPTER_CONFIG}"
    _ask_early(entry, known, repo, paths)
    if entry.loads_model:
        if adapter in paths and not entry.foreign_class:
            _adapter(entry, known, repo, chosen)
        else:
            _merge(chosen, _model(entry, known, repo, notes))
    if entry.loads_processor or entry.foreign_class or entry.task:
        owner = processor_repo(entry, known, list(chosen))
        if owner != repo:
            notes.append(f"the adapter has no processor of its own: its base model's, {owner.repo_id}, is used")
        _merge(chosen, {owner: _processor(entry, known, owner)})
    choice = processor_of(entry, known, list(chosen))
    if entry.trust_remote_code:
        for owner in list(chosen):
            _merge(chosen, _remote_code(entry, known, owner, chosen[owner]))
    return Selection(files=_frozen(chosen, entry), processor=choice, notes=tuple(notes))


def _folder(entry: Entry) -> str:
    return f"{entry.subfolder}/" if entry.subfolder else ""


def _matching(entry: Entry, paths: Collection[str]) -> set[str]:
    chosen = {path for path in paths if matches_any(path, entry.include)} if entry.include else set(paths)
    if not chosen:
        raise PlanError(
            "not-found",
            f"no file of {entry.id} matches {', '.join(entry.include or ())}",
            hint="it has, for example, " + ", ".join(sorted(paths)[:5]) if paths else "the repository is empty",
        )
    return chosen


def _refuse_odd(entry: Entry, odd: Collection[str]) -> None:
    for path in odd:
        if (not entry.include or matches_any(path, entry.include)) and not matches_any(path, entry.exclude):
            raise PlanError(
                "unsafe",
                f"{entry.id} has a file whose name no folder here can hold: {quoted(path, 100)!r}",
                hint="leave it out, by its name or a glob: exclude = […]",
            )


def _less(paths: Collection[str], entry: Entry) -> frozenset[str]:
    return frozenset(path for path in paths if not matches_any(path, entry.exclude))


def _frozen(chosen: Mapping[Repo, set[str]], entry: Entry) -> dict[Repo, frozenset[str]]:
    kept = {repo: _less(paths, entry) for repo, paths in chosen.items()}
    if not any(kept.values()):
        raise PlanError("not-found", f"{entry.id} has no file that the entry asks for", hint="look at exclude")
    return kept


def _no_choice(entry: Entry, known: Known, repo: Repo) -> ProcessorChoice:
    if entry.loads_processor:
        return processor_of(entry, known, [repo])
    return ProcessorChoice(name=None, repo=repo, folder="", reason="", vocabulary=None)


def _merge(chosen: dict[Repo, set[str]], more: Mapping[Repo, set[str]]) -> None:
    for repo, paths in more.items():
        chosen.setdefault(repo, set()).update(paths)


def _ask_early(entry: Entry, known: Known, repo: Repo, paths: Collection[str]) -> None:
    # Everything that will be read in any case, in one round.
    folder = _folder(entry)
    wanted = []
    if entry.loads_model and "gguf_file" not in entry.model_kwargs:
        index = [f"{folder}{weights.with_variant(stem, entry.variant)}" for stem in ("model.safetensors",)]
        wanted += [folder + CONFIG, folder + ADAPTER_CONFIG]
        if entry.use_safetensors is not False and not any(path in paths for path in index):
            wanted.append(folder + weights.with_variant("model.safetensors.index.json", entry.variant))
    if entry.foreign_class:
        wanted.append("modules.json")
    if entry.loads_processor:
        at = processor_folder(entry, paths)
        wanted += [at + name for name in (*processor.PREPROCESSOR_CONFIGS, processor.TOKENIZER_CONFIG)]
        wanted.append(at + processor.PROCESSOR_CONFIG)
    known.ask(repo, wanted)


def _model(entry: Entry, known: Known, repo: Repo, notes: list[str], folder: str | None = None) -> dict[Repo, set[str]]:
    folder = _folder(entry) if folder is None else folder
    paths = known.paths(repo)
    if isinstance(gguf := entry.model_kwargs.get("gguf_file"), str):
        if folder + gguf not in paths:
            raise PlanError("not-found", f"{repo.repo_id} has no {folder}{gguf}", hint="look at model_kwargs.gguf_file")
        return {repo: {folder + gguf}}
    if entry.package in (SENTENCE_TRANSFORMERS, "setfit"):
        return {repo: _sentence_transformers(entry, known, repo)}
    config = known.table(repo, folder + CONFIG)
    chosen = {path for path in (folder + CONFIG, folder + "generation_config.json") if path in paths}
    chosen |= weights.weight_files(entry, known, repo, folder, config)
    if folder + CONFIG not in paths:
        raise weights.no_config(entry, known.listing(repo), folder)
    if entry.use_safetensors is False and any(weights.is_safetensors(path, folder) for path in paths):
        notes.append("pickled weights are loaded, though there are safetensors: use_safetensors = false says so")
    if "modules.json" in paths and not folder and entry.model_class is None:
        notes.append(
            'loaded as AutoModel; for SentenceTransformer, model_class = "sentence_transformers:SentenceTransformer"'
        )
    return {repo: chosen}


def _adapter(entry: Entry, known: Known, repo: Repo, chosen: dict[Repo, set[str]]) -> None:
    folder = _folder(entry)
    paths = known.paths(repo)
    said = known.table(repo, folder + ADAPTER_CONFIG)
    own_weights = libraries.adapter_weights(paths, folder)
    if own_weights is None:
        raise PlanError("not-found", f"{repo.repo_id} has {ADAPTER_CONFIG} and no adapter weights")
    chosen[repo] |= {folder + ADAPTER_CONFIG, own_weights}
    base_id = said.get("base_model_name_or_path")
    if not isinstance(base_id, str) or not names.is_repo_id(base_id):
        raise PlanError(
            "load-error",
            f"the adapter {repo.repo_id} names '{base_id}' as its base model, which is no repository",
            hint="its owner trained it from a folder: fetch its files by name, and load it with its base model",
        )
    if names.is_commit(entry.revision):
        raise PlanError(
            "load-error",
            f"transformers looks for the adapter's commit in its base model {base_id} too, and fails",
            hint="name a branch: the lock pins the commits of both",
        )
    # transformers applies the adapter's revision to the base model as well (auto_factory.from_pretrained).
    base = Repo(repo_id=base_id, revision=entry.revision)
    _merge(chosen, _model(entry, known, base, [], ""))


def _sentence_transformers(entry: Entry, known: Known, repo: Repo) -> set[str]:
    paths = known.paths(repo)
    chosen = {
        path
        for path in paths
        if "/" not in path
        and (
            path in ("modules.json", "config_sentence_transformers.json", "README.md")
            or fnmatch.fnmatchcase(path, "sentence_*_config.json")
        )
    }
    listed: Any = known.items(repo, "modules.json") if "modules.json" in paths else [{"path": ""}]
    for module in listed:
        at = str(module.get("path") or "") if isinstance(module, dict) else ""
        folder = f"{at}/" if at else ""
        if not folder:
            if CONFIG in paths:
                chosen |= {path for path in (CONFIG, "generation_config.json") if path in paths}
                chosen |= weights.weight_files(entry, known, repo, "", known.table(repo, CONFIG))
            continue
        inside = {path for path in paths if path.startswith(folder)}
        kept = {
            path
            for path in inside
            if not path.endswith(_WEIGHT_ENDINGS) and not path[len(folder) :].startswith(_OTHER_FORMATS)
        }
        for ending in (".safetensors", ".bin", ".pt"):
            if found := {path for path in inside if path.endswith(ending) and "/" not in path[len(folder) :]}:
                kept |= found
                break
        chosen |= kept
    return chosen


def _processor(entry: Entry, known: Known, repo: Repo) -> set[str]:
    paths = known.paths(repo)
    folder = processor_folder(entry, paths)
    found = processor_files(paths, folder)
    named = known.table(repo, folder + processor.TOKENIZER_CONFIG).get("fast_tokenizer_files")
    if isinstance(named, list):
        found |= {folder + str(name) for name in named} & paths
    return found


def _remote_code(entry: Entry, known: Known, repo: Repo, chosen: Collection[str]) -> dict[Repo, set[str]]:
    configs = [known.table(repo, path) for path in sorted(chosen) if path.rsplit("/", 1)[-1] in code.CONFIGS]
    found = code.code_files(known, repo, configs, entry.code_revision)
    if entry.loads_model:
        generate = {path for path in known.paths(repo) if path.startswith("custom_generate/")}
        _merge(found, {repo: generate})
    return found
