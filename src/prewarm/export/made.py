"""What the worker says that it has made, looked at before it is believed. Changes with what it says.

Code of a repository may have written it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from prewarm.records.errors import ExportError
from prewarm.records.export import Agreement, ExportTask
from prewarm.records.text import harmless, quoted

_FACTS = (
    "max_length", "least_length", "dimensions", "pooling", "normalised", "prompt", "image_size", "channels",
    "sampling_rate", "frames", "bins", "cache",
)  # fmt: skip
_MOST_TEXT = 2000
_BESIDE = (
    "added_tokens.json", "labels.json", "merges.txt", "preprocessor_config.json", "sentencepiece.bpe.model",
    "source.spm", "special_tokens_map.json", "spiece.model", "target.spm", "tokenizer.json", "tokenizer.model",
    "tokenizer_config.json", "vocab.json", "vocab.txt",
)  # fmt: skip
"""Of tokenizers, and of what prepares pictures and sound."""


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


def refuse_strangers(folder: Path, made: Made) -> None:
    """Raise ExportError where something lies in a folder that the export does not write.

    Code of a repository may have put it there, for whoever runs the server that comes beside it.
    """
    for entry in os.scandir(folder):
        is_plain = entry.is_file(follow_symlinks=False)
        is_graph = entry.name.removesuffix(".data") in made.graphs
        if not is_plain or not (is_graph or entry.name in _BESIDE):
            raise ExportError(
                "export-error",
                f"{harmless(entry.name)} was written beside the graph, and no export writes that",
                hint="the code of the repository does something else than computing: read it",
            )


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
