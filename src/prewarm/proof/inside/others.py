"""Calls of other libraries' classes, of functions and of pipelines. Changes with how these are called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from prewarm.proof.inside.request import Request

_PLAIN = (str, bytes, int, float, tuple, list, dict, type(None))


def load_other(kind: Any, request: Request) -> Any:
    """What ``Class.from_pretrained``, the class or the function gives, called as the application does."""
    call = getattr(kind, "from_pretrained", None) or kind
    args = _filled(request.model_args if request.model_args is not None else ["{id}"], request)
    return call(*args, **_keywords(request, call, kind))


def load_pipeline(request: Request) -> Any:
    """``transformers.pipeline(task, model=id, …)``."""
    import transformers

    given: dict[str, Any] = {"revision": request.revision, "trust_remote_code": request.trust_remote_code}
    if request.dtype:
        given["dtype"] = request.dtype
    own = {**request.model_kwargs, **keys_set(request, ("subfolder", "variant", "use_safetensors"))}
    if own:
        given["model_kwargs"] = own
    return transformers.pipeline(request.task, model=request.id, **given)


def name_of(loaded: Any, kind: Any) -> str:
    """What was loaded: its class, or what gave it where that says nothing."""
    if isinstance(loaded, (tuple, list)) and loaded and not isinstance(loaded[0], _PLAIN):
        loaded = loaded[0]
    return str(kind.__name__) if isinstance(loaded, _PLAIN) else type(loaded).__name__


def weights_of(loaded: Any) -> tuple[int | None, str | None]:
    """The number of parameters and their type, as far as it tells."""
    import torch

    parts = loaded if isinstance(loaded, (tuple, list)) else [loaded]
    parts = [*parts, *_components(loaded)]
    modules = [part for part in parts if isinstance(part, torch.nn.Module)]
    if not modules:
        return None, None
    weights = [weight for module in modules for weight in module.parameters()]
    return sum(weight.numel() for weight in weights), str(weights[0].dtype).removeprefix("torch.") if weights else None


def _components(loaded: Any) -> list[Any]:
    # Those of a pipeline of diffusers, and the body of a model of setfit.
    found = getattr(loaded, "components", None)
    inner = [getattr(loaded, name, None) for name in ("model", "model_body")]
    return [*(found.values() if isinstance(found, Mapping) else ()), *inner]


def _filled(value: Any, request: Request) -> Any:
    if isinstance(value, str):
        named = {"{id}": request.id, "{path}": request.snapshot, "{revision}": request.revision}
        for place, text in named.items():
            value = value.replace(place, text)
        return value
    if isinstance(value, list):
        return [_filled(inner, request) for inner in value]
    if isinstance(value, Mapping):
        return {key: _filled(inner, request) for key, inner in value.items()}
    return value


def _keywords(request: Request, call: Callable[..., Any], kind: Any) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if request.revision != "main" and _takes(call, kind, "revision") and request.model_args is None:
        given["revision"] = request.revision
    if request.trust_remote_code and _takes(call, kind, "trust_remote_code"):
        given["trust_remote_code"] = True
    given |= keys_set(request, ("subfolder", "variant", "use_safetensors"))
    if request.dtype:
        given |= _dtype(request.dtype, call, kind)
    return {**given, **_filled(dict(request.model_kwargs), request)}


def keys_set(request: Request, names: tuple[str, ...]) -> dict[str, Any]:
    """Those of the entry's keys that are set, as keywords."""
    return {name: getattr(request, name) for name in names if getattr(request, name) not in (None, "")}


def _dtype(dtype: str, call: Callable[..., Any], kind: Any) -> dict[str, Any]:
    import torch

    if str(kind.__module__).partition(".")[0] == "diffusers":
        return {"torch_dtype": getattr(torch, dtype, dtype)}
    return {"torch_dtype" if _parameters(call).keys() & {"torch_dtype"} else "dtype": dtype}


def _takes(call: Callable[..., Any], kind: Any, name: str) -> bool:
    """Whether a keyword may be given: ``from_pretrained`` passes on what it does not name, and a function may not."""
    found = _parameters(call)
    passes_on = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in found.values())
    return name in found or (passes_on and call is not kind)


def _parameters(call: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(call).parameters
    except (TypeError, ValueError):
        return {}
