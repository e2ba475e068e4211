"""What to write for a repository, from its listing and its small files. Changes with how these say what they are.

Pure: what it has to read it asks for, as the planning does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from prewarm.authoring.choices import Choice, choices_of, middle
from prewarm.authoring.classes import ADAPTERS, BY_TAG, of_architecture, of_auto_map
from prewarm.authoring.draft import Draft
from prewarm.manifest import toml
from prewarm.plan import hints
from prewarm.plan.code import references
from prewarm.plan.globs import that_match
from prewarm.plan.known import Known
from prewarm.plan.libraries import ADAPTER_CONFIG
from prewarm.plan.processor import processor_files
from prewarm.plan.weights import variants_of
from prewarm.records.errors import PlanError
from prewarm.records.listing import Repo

_SENTENCES = "sentence_transformers"
_SPARSE = ("SpladePooling", "MLMTransformer", "SparseStaticEmbedding")
_FORMATS = {
    "gguf": r"(?:.*/)?[^/]+\.gguf",
    "onnx": r"(?:.*/)?[^/]+\.onnx",
}


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """What to write, and why."""

    draft: Draft
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Key to why it is so."""
    choices: tuple[Choice, ...] = ()
    """What can be taken in the place of ``include``."""


@dataclass(frozen=True, kw_only=True)
class _Of:
    """A repository that is being looked at."""

    repo: Repo
    known: Known
    native: Collection[str]

    @property
    def paths(self) -> frozenset[str]:
        return self.known.paths(self.repo)

    @property
    def made_for(self) -> str:
        return self.known.listing(self.repo).made_for

    @property
    def tag(self) -> str:
        return self.known.listing(self.repo).pipeline_tag

    def table(self, path: str) -> Mapping[str, Any]:
        return self.known.table(self.repo, path)


def suggest(repo: Repo, known: Known, native: Collection[str], globs: Collection[str] = ()) -> Suggestion:
    """What to write for a repository.

    Args:
        repo: what is asked about.
        known: of it, so far.
        native: the ``model_type`` of models that transformers has code for.
        globs: files that are wanted by name, and nothing else.

    Raises:
        Needs: more has to be known.
        PlanError: nothing says what it is.
    """
    of = _Of(repo=repo, known=known, native=native)
    if globs:
        there = that_match(of.paths, globs)
        if lost := [glob for glob in globs if glob not in there]:
            shown = ", ".join(sorted(of.paths)[:8])
            said = f"no file of {repo.repo_id} matches {lost[0]}"
            raise PlanError("not-found", said, hint=f"it has, for example, {shown}")
        return _written(of, {"include": list(globs)}, {"include": "named by --file"})
    if repo.repo_type == "dataset":
        return _written(of, {"include": ["*"]}, {"include": "a dataset is files: name those that are read with --file"})
    for rule in _RULES:
        if (found := rule(of)) is not None:
            return found
    raise PlanError(
        "load-error",
        f"nothing in {repo.repo_id} says what loads it",
        hint=f"name the files: prewarm add {repo.repo_id} --file '*'; or let prewarm record see how it is loaded",
    )


def _written(
    of: _Of, keys: Mapping[str, Any], reasons: Mapping[str, str], choices: tuple[Choice, ...] = ()
) -> Suggestion:
    named: dict[str, Any] = {} if of.repo.revision == "main" else {"revision": of.repo.revision}
    if of.repo.repo_type == "dataset":
        named["repo_type"] = "dataset"
    draft = Draft(id=of.repo.repo_id, keys={**named, **keys})
    return Suggestion(draft=draft, reasons=reasons, choices=choices)


def _class(of: _Of, name: str, why: str, **more: Any) -> Suggestion:
    return _written(of, {"model_class": name, **more}, {"model_class": why})


def _diffusers(of: _Of) -> Suggestion | None:
    if "model_index.json" not in of.paths:
        return None
    name = of.table("model_index.json").get("_class_name")
    named = name if isinstance(name, str) and name.isidentifier() else "DiffusionPipeline"
    return _class(of, f"diffusers:{named}", f"model_index.json names {named}")


def _lora_of_diffusers(of: _Of) -> Suggestion | None:
    found = sorted(path for path in of.paths if path.endswith("lora_weights.safetensors"))
    if not found and not (of.made_for == "diffusers" and "config.json" not in of.paths):
        return None
    found = found or sorted(path for path in of.paths if path.endswith(".safetensors") and "/" not in path)
    if not found:
        return None
    return _written(of, {"include": found[:1]}, {"include": "weights that load_lora_weights reads by name"})


def _adapter(of: _Of) -> Suggestion | None:
    if ADAPTER_CONFIG not in of.paths:
        return None
    said = of.table(ADAPTER_CONFIG)
    base = said.get("base_model_name_or_path")
    name = ADAPTERS.get(str(said.get("task_type")))
    if "modules.json" in of.paths:
        return _class(of, f"{_SENTENCES}:SentenceTransformer", f"modules.json, over the base model {base}")
    if name is None:
        return _written(of, {}, {"": f"an adapter of {base}, loaded by AutoModel with peft"})
    return _class(of, name, f"adapter_config.json says {said.get('task_type')}, over the base model {base}")


def _sentence_transformers(of: _Of) -> Suggestion | None:
    if "modules.json" in of.paths:
        kinds = [
            str(module.get("type") or "")
            for module in of.known.items(of.repo, "modules.json")
            if isinstance(module, dict)
        ]
        is_sparse = any(kind.endswith(_SPARSE) for kind in kinds)
        name = "SparseEncoder" if is_sparse else "SentenceTransformer"
        if "config_setfit.json" in of.paths or of.made_for == "setfit":
            return _class(of, "setfit:SetFitModel", "config_setfit.json")
        return _with_code(of, f"{_SENTENCES}:{name}", "modules.json is that of sentence-transformers", kinds)
    if of.made_for == "sentence-transformers" and of.tag == "text-ranking" and "config.json" in of.paths:
        return _with_code(of, f"{_SENTENCES}:CrossEncoder", "its card names sentence-transformers, for text-ranking")
    return None


def _with_code(of: _Of, name: str, why: str, kinds: Collection[str] = ()) -> Suggestion:
    keys: dict[str, Any] = {"model_class": name}
    reasons = {"model_class": why}
    own = [kind for kind in kinds if not kind.startswith((f"{_SENTENCES}.", "models."))]
    named = f"modules.json names {own[0]}" if own else ""
    if not named and (reference := _demanded(of, of.table("config.json"))):
        named = f"config.json names {reference}"
    if named:
        keys["trust_remote_code"], reasons["trust_remote_code"] = True, f"{named}, of the repository"
    return _written(of, keys, reasons)


def _of_a_library(of: _Of) -> Suggestion | None:
    if of.made_for == "timm":
        return _class(
            of,
            "timm:create_model",
            "its card names timm",
            model_args=["hf_hub:{id}"],
            model_kwargs={"pretrained": True},
        )
    if of.made_for == "model2vec" and "config.json" in of.paths:
        return _class(of, "model2vec:StaticModel", "its card names model2vec")
    if "model.bin" in of.paths and not of.table("config.json").get("model_type"):
        is_whisper = any(path.startswith("vocabulary.") for path in of.paths) and "tokenizer.json" in of.paths
        if is_whisper:
            return _class(
                of, "faster_whisper:WhisperModel", "model.bin and vocabulary are CTranslate2's, as for Whisper"
            )
        kept = that_match(of.paths, ("model.bin", *hints.SMALL))
        return _written(of, {"include": kept}, {"include": "model.bin is in CTranslate2's format"})
    return None


def _of_a_format(of: _Of) -> Suggestion | None:
    """GGUF, ONNX and OpenVINO, and what other libraries' own files tell."""
    has_weights = any(
        re.fullmatch(r"(?:[^/]+/)?(?:model|pytorch_model).*\.(?:safetensors|bin)", path) for path in of.paths
    )
    if has_weights and "config.json" in of.paths:
        return None
    for name, pattern in _FORMATS.items():
        choices = choices_of(of.known.listing(of.repo), pattern)
        if choices:
            chosen = middle(choices)
            kept = [chosen.glob]
            if name == "onnx":
                kept += that_match(of.paths, ("*.onnx_data", *hints.SMALL))
            why = f"{name.upper()}, one of {len(choices)}" if len(choices) > 1 else name.upper()
            return _written(of, {"include": kept}, {"include": f"{why}: whole models, taken by name"}, choices)
    found = hints.format_of(sorted(of.paths), of.made_for)
    if found is None:
        return None
    if found.keys:
        return _written(of, toml.parse("\n".join(found.keys)), {"model_class": f"it has {found.said}"})
    globs = that_match(of.paths, (*found.files, *hints.SMALL))
    return _written(of, {"include": globs if found.files else ["*"]}, {"include": f"it has {found.said}"})


def _transformers(of: _Of) -> Suggestion | None:
    if "config.json" not in of.paths:
        return None
    config = of.table("config.json")
    said = config.get("architectures")
    name = said[0] if isinstance(said, list) and said and isinstance(said[0], str) else ""
    reference = _demanded(of, config)
    keys: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    if reference:
        chosen, why = of_auto_map(config, name)
        reasons["trust_remote_code"] = f"config.json's auto_map names {reference}, which transformers does not have"
    else:
        chosen, why = of_architecture(name)
        if not name and of.tag in BY_TAG:
            chosen, why = BY_TAG[of.tag], f"the Hub lists it for {of.tag}"
    if chosen != "AutoModel":
        keys["model_class"], reasons["model_class"] = chosen, why
    if reference:
        keys["trust_remote_code"] = True
    variants = variants_of([path for path in of.paths if "/" not in path])
    if variants and "" not in variants:
        keys["variant"], reasons["variant"] = variants[0], f"its weights are {', '.join(variants)} only"
    if (kind := config.get("model_type")) and not reference and of.native and kind not in of.native:
        reasons[""] = f"the installed transformers does not know model_type '{kind}': a newer one may"
    if not processor_files(of.paths, ""):
        keys["processor_class"], reasons["processor_class"] = False, "it has no files of a tokenizer or processor"
    if not keys:
        reasons[""] = f"AutoModel and AutoProcessor load it ({name or 'config.json'})"
    return _written(of, keys, reasons)


def _demanded(of: _Of, config: Mapping[str, Any]) -> str:
    """What of the repository's code has to run: not where transformers has the model itself."""
    if config.get("model_type") in of.native:
        return ""
    return next((reference for reference in references(config)), "")


_RULES: tuple[Callable[[_Of], Suggestion | None], ...] = (
    _diffusers,
    _adapter,
    _sentence_transformers,
    _of_a_library,
    _lora_of_diffusers,
    _of_a_format,
    _transformers,
)
