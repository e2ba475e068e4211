"""The graph of an embedding model of sentence-transformers, with all of its modules. Changes with its modules."""

from __future__ import annotations

import functools
from typing import Any

from prewarm.export.inside.graph import BATCH, Case, Graph, Port, lengths
from prewarm.export.inside.text import TOKENS, names_of, tokens
from prewarm.worker.refused import Refused

_POSSIBLE = ("Transformer", "Pooling", "Dense", "Normalize", "LayerNorm", "Dropout")


def parts_of(model: Any) -> list[Any]:
    """Its modules.

    Raises:
        Refused: one of them cannot be in a graph.
    """
    parts = list(model.children())
    for part in parts:
        name = type(part).__name__
        if name not in _POSSIBLE:
            raise Refused(
                "export-error",
                f"its module {name} cannot be in a graph",
                f"{', '.join(_POSSIBLE)} can be; serve this one with sentence-transformers",
            )
    first = type(parts[0]).__name__ if parts else "nothing"
    if first != "Transformer":
        raise Refused("export-error", f"it begins with {first}, and not with a Transformer", "")
    return parts


def prompt_of(model: Any) -> str:
    """What ``encode`` puts before each text."""
    named = getattr(model, "default_prompt_name", None)
    return str((getattr(model, "prompts", None) or {}).get(named, "")) if named else ""


def pooling_of(parts: list[Any]) -> str:
    """How tokens become one vector."""
    found = [part for part in parts if type(part).__name__ == "Pooling"]
    return "+".join(_modes(found[0])) if found else "none"


def _modes(pooling: Any) -> list[str]:
    mode = getattr(pooling, "pooling_mode", None)
    if mode is None:
        mode = pooling.get_pooling_mode_str().split("+")
    return [mode] if isinstance(mode, str) else [str(one) for one in mode]


def embeddings(model: Any, longest: int) -> Graph:
    """Tokens to one vector for each text."""
    import torch

    parts = parts_of(model)
    inner = transformer_of(parts[0])
    tokenizer = model.tokenizer
    names = names_of(inner, tokenizer)
    if prompt_of(model) and any(getattr(part, "include_prompt", True) is False for part in parts):
        raise Refused(
            "export-error",
            "its pooling leaves out the tokens of the prompt, which a graph cannot know",
            "serve this one with sentence-transformers",
        )
    module = _kind()(inner, names, parts[1:], getattr(model, "truncate_dim", None)).eval()
    sample = tokens(names, inner, tokenizer)
    with torch.no_grad():
        size = int(module(*sample(Case(1, min(4, longest))))[0].shape[-1])
    return Graph(
        file="model.onnx",
        module=module,
        inputs=tuple(Port(name=name, axes=TOKENS) for name in names),
        outputs=(Port(name="sentence_embedding", axes=("batch", size)),),
        limits={**BATCH, "sequence": (2, longest)},
        sample=sample,
        traced=Case(2, min(12, longest), is_padded=longest > 2),
        cases=lengths(longest),
        constants={"dimensions": size, "pooling": pooling_of(parts), "normalised": _is_normalised(model, parts)},
    )


def transformer_of(part: Any) -> Any:
    """The model of transformers in a Transformer module."""
    inner = getattr(part, "model", None) or getattr(part, "auto_model", None)
    if inner is None or not hasattr(inner, "config"):
        raise Refused("export-error", f"its {type(part).__name__} has no model of transformers", "")
    return inner


def _is_normalised(model: Any, parts: list[Any]) -> bool:
    """Whether each vector has the length 1: not where it is cut afterwards."""
    is_last = type(parts[-1]).__name__ == "Normalize"
    return is_last and not getattr(model, "truncate_dim", None)


@functools.cache
def _kind() -> Any:
    import torch

    class Sentences(torch.nn.Module):  # type: ignore[misc]
        """A model and what comes after it."""

        def __init__(self, inner: Any, names: list[str], rest: list[Any], most: int | None) -> None:
            super().__init__()
            self.inner, self.names, self.most = inner, tuple(names), most
            self.rest = torch.nn.ModuleList(rest)

        def forward(self, *given: Any) -> tuple[Any]:
            named = dict(zip(self.names, given, strict=True))
            found = self.inner(**named, return_dict=True)
            features = {**named, "token_embeddings": found["last_hidden_state"]}
            for part in self.rest:
                features = part(features)
            made = features["sentence_embedding"]
            return (made[..., : self.most] if self.most else made,)

        def set_attention(self, name: str) -> None:
            self.inner.set_attn_implementation(name)

    return Sentences
