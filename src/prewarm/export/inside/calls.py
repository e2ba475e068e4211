"""A model as a module that takes tensors by position and gives a tuple. Changes with how models are called."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Sequence
from typing import Any


@functools.cache
def _kind() -> Any:
    import torch

    class Call(torch.nn.Module):  # type: ignore[misc]
        """Calls a model with named tensors, and picks named outputs."""

        def __init__(self, model: Any, names: Sequence[str], picked: Sequence[str]) -> None:
            super().__init__()
            self.model, self.names, self.picked = model, tuple(names), tuple(picked)

        def forward(self, *given: Any) -> tuple[Any, ...]:
            found = self.model(**dict(zip(self.names, given, strict=True)), return_dict=True)
            return tuple(found[name] for name in self.picked)

        def set_attention(self, name: str) -> None:
            self.model.set_attn_implementation(name)

    return Call


def call(model: Any, names: Sequence[str], picked: Sequence[str]) -> Any:
    """``model(name=tensor, …)``, and the outputs of these names."""
    return _kind()(model, names, picked).eval()


def takes(model: Any, name: str) -> bool:
    """Whether a model's ``forward`` names an argument."""
    return name in inspect.signature(model.forward).parameters


def text_config(model: Any) -> Any:
    """The configuration of the part of a model that reads or writes text."""
    config = model.config
    return config.get_text_config() if hasattr(config, "get_text_config") else config
