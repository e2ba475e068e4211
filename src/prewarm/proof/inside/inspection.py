"""Before the weights: do the installed libraries know this model? Changes with transformers' configurations."""

from __future__ import annotations

import difflib
import importlib.util
from typing import Any

from prewarm.proof.inside.classes import class_of, is_auto
from prewarm.proof.inside.request import Request, needs_remote_code
from prewarm.worker.refused import Refused


def inspect_entry(request: Request) -> dict[str, Any]:
    """Check classes and configuration.

    Raises:
        Refused: the model will not load.
    """
    for name in (request.model_class, request.processor):
        if name:
            class_of(name)
    if request.task:
        _task(request.task)
    if request.is_adapter and importlib.util.find_spec("peft") is None:
        raise Refused("load-error", "it is an adapter, and there is no package 'peft' here", "pip install peft")
    if request.model_class and ":" not in request.model_class and request.config_path is not None:
        kind = class_of(request.model_class)
        if is_auto(kind):
            _auto(request, kind)
    return {}


def _task(task: str) -> None:
    from transformers.pipelines import check_task, get_supported_tasks

    try:
        check_task(task)
    except KeyError:
        near = difflib.get_close_matches(task, get_supported_tasks(), n=1)
        hint = f"did you mean '{near[0]}'?" if near else "look at the tasks of transformers.pipeline"
        raise Refused("load-error", f"transformers has no pipeline for the task '{task}'", hint) from None


def _auto(request: Request, kind: Any) -> None:
    config = _load_config(request)
    remote = request.config().get("auto_map") or {}
    if type(config) in getattr(kind, "_model_mapping", {}) or (kind.__name__ in remote and request.trust_remote_code):
        return
    if kind.__name__ in remote:
        raise needs_remote_code(request)
    others = architectures(request) or [name for name in remote if name.startswith("AutoModel")]
    raise Refused(
        "load-error",
        f"{kind.__name__} has no class for {type(config).__name__}",
        f"write:\n{request.toml(model_class=others[0])}"
        if others
        else "name the class that the repository's page names",
    )


def _load_config(request: Request) -> Any:
    import transformers

    given: dict[str, Any] = {"revision": request.config_commit, "trust_remote_code": request.trust_remote_code}
    if request.code_commit:
        # No revision is pointed at its commit before all files are there.
        given["code_revision"] = request.code_commit
    if request.subfolder and not request.is_adapter:
        given["subfolder"] = request.subfolder
    said = request.config()
    try:
        return transformers.AutoConfig.from_pretrained(request.config_repo, **given)
    except ValueError as error:
        if said.get("auto_map") and not request.trust_remote_code:
            raise needs_remote_code(request) from None
        if "model_type" not in said:
            raise _no_model_type(request) from None
        raise Refused(
            "load-error",
            f"transformers {transformers.__version__} does not know the model type '{said['model_type']}'",
            "pip install -U transformers; if that does not help, a library of its own loads it",
        ) from error


def architectures(request: Request) -> list[str]:
    """The classes that the weights were saved from, as far as transformers has them."""
    import transformers

    named = request.config().get("architectures")
    return [name for name in named or [] if isinstance(name, str) and hasattr(transformers, name)]


def _no_model_type(request: Request) -> Refused:
    found = architectures(request)
    if found:
        return Refused(
            "load-error",
            f"config.json of {request.config_repo} names no model_type, and AutoModel needs it",
            f"{found[0]} does not need it; write:\n{request.toml(model_class=found[0])}",
        )
    return Refused(
        "load-error",
        f"config.json of {request.config_repo} names neither model_type nor a class of transformers",
        "if you know the class, name it (such as BertModel); if a library of its own loads it, fetch the files and "
        f'load none; write:\n[[advanced]]\nid = "{request.id}"\nmodel_class = "BertModel"    # or:\n'
        'include = ["*.json", "*.safetensors", "*.bin"]',
    )
