"""Decoders as modules: tokens and a cache to logits and a cache. Changes with transformers' caches.

Nobody passes positions: they follow from the mask, inside the graph.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from prewarm.export.inside.calls import takes
from prewarm.export.inside.graph import Port, Tensors
from prewarm.worker.refused import Refused


@dataclass(frozen=True, kw_only=True)
class Cache:
    """The sizes of a decoder's cache: keys and values of each layer."""

    sizes: tuple[tuple[int, int], ...]
    """(heads, size of a head) of keys, values, keys, …"""

    def names(self, start: str) -> list[str]:
        """Of each of its tensors."""
        return [f"{start}.{at // 2}.{('key', 'value')[at % 2]}" for at in range(len(self.sizes))]

    def ports(self, start: str, axis: str) -> tuple[Port, ...]:
        """Its tensors as inputs or outputs."""
        return tuple(
            Port(name=name, axes=("batch", heads, axis, size))
            for name, (heads, size) in zip(self.names(start), self.sizes, strict=True)
        )

    def random(self, batch: int, past: int, made: Any) -> list[Any]:
        """As it is after ``past`` tokens."""
        import torch

        return [torch.randn(batch, heads, past, size, generator=made) for heads, size in self.sizes]

    @property
    def told(self) -> Mapping[str, Any]:
        """For who opens the graph."""
        return {"cache": [[heads, size] for heads, size in self.sizes]}


def cache_of(model: Any, run: Callable[[], Any]) -> Cache:
    """The sizes of the cache that a run leaves.

    Raises:
        Refused: it is of another kind than keys and values of each layer.
    """
    import torch

    with torch.no_grad():
        left = getattr(run(), "past_key_values", None)
    left = getattr(left, "self_attention_cache", left)
    layers = getattr(left, "layers", None)
    tensors: list[Any] = [getattr(layer, name, None) for layer in layers or () for name in ("keys", "values")]
    if not tensors or any(tensor is None or tensor.ndim != 4 for tensor in tensors):
        raise Refused(
            "export-error",
            f"{type(model).__name__} keeps another cache than keys and values of each layer",
            "serve it with torch",
        )
    return Cache(sizes=tuple((int(one.shape[1]), int(one.shape[3])) for one in tensors))


def of_states(model: Any, ids: Any, states: Any, mask: Any, cache: Any) -> Any:
    """What a model says to tokens of an answer and the states of its encoder."""
    from transformers.modeling_outputs import BaseModelOutput

    masked = {} if mask is None else {"attention_mask": mask}
    return model(
        encoder_outputs=BaseModelOutput(last_hidden_state=states),
        decoder_input_ids=ids,
        past_key_values=cache,
        use_cache=True,
        return_dict=True,
        **masked,
    )


def _filled(past: Tensors) -> Any:
    from transformers.cache_utils import DynamicCache

    cache = DynamicCache()
    for at in range(0, len(past), 2):
        cache.update(past[at], past[at + 1], at // 2)
    return cache


def _kept(cache: Any) -> Tensors:
    return tuple(tensor for layer in cache.layers for tensor in (layer.keys, layer.values))


@functools.cache
def writing() -> Any:
    """The kind of module that goes on with a text."""
    import torch

    class Writing(torch.nn.Module):  # type: ignore[misc]
        """Ids, mask and cache to logits and cache."""

        def __init__(self, model: Any) -> None:
            super().__init__()
            self.model = model
            self.has_positions = takes(model, "position_ids")

        def forward(self, *given: Any) -> tuple[Any, ...]:
            ids, mask, *past = given
            before = past[0].shape[2]
            # Taken one by one, so that its length is not another name for the sum of two others.
            mask = mask.index_select(1, torch.arange(before + ids.shape[1]))
            positions = (mask.cumsum(-1) - 1).clamp(min=0).index_select(1, torch.arange(ids.shape[1]) + before)
            placed = {"position_ids": positions} if self.has_positions else {}
            cache = _filled(tuple(past))
            found = self.model(
                input_ids=ids, attention_mask=mask, past_key_values=cache, use_cache=True, return_dict=True, **placed
            )
            return (found.logits, *_kept(found.past_key_values))

    return Writing


@functools.cache
def answering() -> Any:
    """The kind of module that goes on with an answer."""
    import torch
    from transformers.cache_utils import DynamicCache, EncoderDecoderCache

    class Answering(torch.nn.Module):  # type: ignore[misc]
        """Ids, states of the encoder and cache to logits and cache; attention to the states is computed anew."""

        def __init__(self, model: Any, *, has_mask: bool) -> None:
            super().__init__()
            self.model, self.has_mask = model, has_mask

        def forward(self, *given: Any) -> tuple[Any, ...]:
            ids, states, *rest = given
            mask = rest.pop(0) if self.has_mask else None
            cache = EncoderDecoderCache(_filled(tuple(rest)), DynamicCache())
            found = of_states(self.model, ids, states, mask, cache)
            return (found.logits, *_kept(found.past_key_values.self_attention_cache))

    return Answering
