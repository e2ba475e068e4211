"""What a worker has loaded, for the function that goes on with it. Changes with what such a function needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A model and what prepares its inputs."""

    model: Any
    """None: none was asked for."""
    processor: Any
    """None: there is none, or none was asked for."""
    pipeline: Any = None
    """What ``transformers.pipeline`` gave, where the entry names a task."""
