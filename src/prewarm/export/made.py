"""What the worker says that it has made, looked at before it is believed. Changes with what it says.

Code of a repository may have written it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from prewarm.records.errors import ExportError
from prewarm.records.export import Agreement, ExportTask
from prewarm.records.text import harmless, quoted

_FACTS = (
    "max_length", "least_length", "dimensions", "pooling", "normalised", "prompt", "image_size", "channels",
    "sampling_rate", "frames", "bins", "cache",
)  # fmt: skip
_MOST_TEXT = 2000


@dataclass(frozen=True, kw_only=True)
class Made:
    """What was made."""

    task: ExportTask
    opset: int
    graphs: tuple[str, ...]
    agreement: Agreement
    facts: Mapping[str, Any]
    """For ``prewarm.json``."""
    notes: tuple[str, ...]


def read_made(said: Mapping[str, Any]) -> Made:
    """What a worker said.

    Raises:
        ExportError: it is nothing that one would say.
    """
    try:
        task = said["task"]
        graphs = tuple(_name(name) for name in said["graphs"])
        if task not in get_args(ExportTask) or not graphs:
            raise ValueError("no task, or no graph")
        longest = said["longest"]
        return Made(
            task=task,
            opset=int(said["opset"]),
            graphs=graphs,
            agreement=Agreement(
                difference=float(said["difference"]),
                similarity=float(said["similarity"]),
                cases=int(said["cases"]),
                longest=None if longest is None else int(longest),
            ),
            facts={key: _plain(said[key]) for key in _FACTS if said.get(key) is not None},
            notes=tuple(quoted(note, 300) for note in said["notes"]),
        )
    except (KeyError, TypeError, ValueError, RecursionError):
        raise ExportError(
            "export-error",
            "the process that exported it gives no answer that can be read",
            hint="the code of the model disturbs the process",
        ) from None


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.endswith(".onnx") or "/" in value or "\\" in value:
        raise ValueError("no name of a graph")
    return harmless(value)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        if len(value) > _MOST_TEXT:
            raise ValueError("too long")
        return value
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, list) and len(value) < _MOST_TEXT:
        return [_plain(inner) for inner in value]
    raise TypeError("no plain value")
