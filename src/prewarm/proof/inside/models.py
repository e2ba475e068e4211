"""Loads a model, and judges the weights that it did not find. Changes with transformers' loading report."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from prewarm.proof.inside.classes import call, class_of, is_auto, keywords
from prewarm.proof.inside.inspection import architectures
from prewarm.proof.inside.others import keys_set, load_other
from prewarm.proof.inside.request import Request
from prewarm.worker.refused import Refused


def is_of_transformers(kind: Any) -> bool:
    """Whether it is called as a class of transformers."""
    import transformers

    return is_auto(kind) or (inspect.isclass(kind) and issubclass(kind, transformers.PreTrainedModel))


def load_model(request: Request) -> tuple[Any, dict[str, list[str]]]:
    """The model, or None where none is asked for, and the keys of its loading report.

    Raises:
        Refused: more of its weights are made up than a new head's.
    """
    if not request.model_class:
        return None, {}
    kind = class_of(request.model_class)
    if not is_of_transformers(kind) or request.model_args is not None:
        return load_other(kind, request), {}
    own = {**request.model_kwargs, **keys_set(request, ("subfolder", "dtype", "variant", "use_safetensors"))}
    given = keywords(request, kind, own)
    loaded = call(kind, request.id, {**given, "output_loading_info": True})
    if not isinstance(loaded, tuple):
        # A model's own code may not know the keyword.
        return loaded, {}
    model, said = loaded
    return model, _judge(model, said, request)


def _judge(model: Any, said: dict[str, Any], request: Request) -> dict[str, list[str]]:
    report = {
        name: sorted(_name(key) for key in said.get(name) or ())
        for name in ("missing_keys", "unexpected_keys", "mismatched_keys")
    }
    lost = lost_body(model, report["missing_keys"])
    if lost:
        kind = type(model).__name__
        other = next((name for name in architectures(request) if name != kind), None)
        raise Refused(
            "load-error",
            f"{kind} finds {len(lost)} of its weights nowhere ({lost[0]} first), and makes them up at random",
            f'the files were saved from {other}: model_class = "{other}"'
            if other
            else "the repository is incomplete, or of another class: name it with model_class",
        )
    return report


def _name(key: Any) -> str:
    return str(key[0] if isinstance(key, (tuple, list)) else key)


def lost_body(model: Any, missing: Sequence[str]) -> list[str]:
    """The missing weights that are more than a new head.

    A head, a pooler or a token lies on top of the model or of its base: it is missing as a whole, and has neither
    layers nor embeddings of its own. Anything else is what the model was trained for.
    """
    name = getattr(model, "base_model_prefix", "") or ""
    tops = dict(model.named_children())
    base = tops.pop(name, None) if name else None
    if base is not None:
        tops.update({f"{name}.{child}": part for child, part in base.named_children()})
    gone, lost = set(missing), []
    for top, part in tops.items():
        absent = [key for key in missing if key.startswith(f"{top}.")]
        own = {f"{top}.{key}" for key in part.state_dict()}
        is_deep = any(type(inner).__name__ in ("ModuleList", "Embedding") for inner in part.modules())
        if absent and (is_deep or not own <= gone):
            lost += absent
    weights = {key for key, _ in model.named_parameters()}
    return lost or (list(missing) if weights and weights <= gone else [])
