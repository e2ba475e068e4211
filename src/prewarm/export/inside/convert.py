"""A graph to a file. Changes with torch's exporters, and with transformers'.

Named dimensions are what makes an export refuse a branch on a shape: with automatic ones, and with the older exporter,
torch 2.13 writes the branch that was traced, for all lengths, without a word.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from prewarm.export.inside.branches import refuse_branches, with_what_it_takes
from prewarm.export.inside.graph import Graph
from prewarm.worker.refused import Refused

DEFAULT_OPSET = 20
_LEAST_OF_NEW = 17
"""Below it torch's new exporter writes 18 and says nothing."""
_LEAST_WITH_ATTENTION = 14
EXTERNAL_BYTES = 16_000_000
"""Weights of this size stand beside the graph: onnxruntime maps them, where it copies what is inside."""
_TRANSFORMERS = "transformers 5.23"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, kw_only=True)
class Converted:
    """What was written."""

    graph: Graph
    """As it was made: the code of some models wants a token more than was asked for."""
    opset: int
    notes: tuple[str, ...] = ()


def convert(graph: Graph, opset: int | None, path: Path, facts: Mapping[str, str]) -> Converted:
    """Write a graph, and give the opset that stands in the file.

    Args:
        graph: what to make.
        opset: that is wanted; None: ``DEFAULT_OPSET``.
        path: of the file; large weights stand beside it, in ``<name>.data``.
        facts: its metadata_props.

    Raises:
        Refused: it branches on a shape, or no exporter takes it.
    """
    wanted = opset or DEFAULT_OPSET
    notes: list[str] = []
    way: Callable[[Graph, int], Any] = _by_the_newer
    if wanted < _LEAST_OF_NEW:
        way = partial(_by_the_older, path=path)
        notes.append(f"opset {wanted} is written by torch's older exporter, which torch calls legacy")
    try:
        program = way(graph, wanted)
    except Refused as refused:
        other = with_what_it_takes(graph, refused)
        if other is None:
            raise
        graph, program = other, way(other, wanted)
    found = int(program.opset_imports.get("", 0))
    if found != wanted:
        raise Refused(
            "export-error",
            f"opset {wanted} was asked for, and the exporter writes {found}",
            f"opset = {found}, or leave it out",
        )
    _name(program, graph)
    program.metadata_props.update(facts)
    save(program, path)
    return Converted(graph=graph, opset=found, notes=tuple(notes))


def _by_the_newer(graph: Graph, opset: int) -> Any:
    ways = [_by_torch, _by_transformers]
    if graph.needs_patches and _transformers_exporter() is not None:
        ways.reverse()
    failures: list[Exception] = []
    for way in ways:
        try:
            return way(graph, opset)
        except Refused:
            raise
        except Exception as error:
            refuse_branches(error)
            failures.append(error)
    first = failures[0]
    said = _plain(first.__cause__ or first)
    hint = "another class or task; or serve it with torch"
    message = f"{type(first).__name__}: torch's exporter does not take it: {said}"
    raise with_newer_way(Refused("export-error", message, hint)) from first


def with_newer_way(refused: Refused) -> Refused:
    """The same, and what brings another way where the installed transformers has none."""
    if _transformers_exporter() is not None:
        return refused
    hint = f"{_TRANSFORMERS} brings another way: pip install -U transformers; or {refused.hint}"
    return Refused(refused.kind, refused.message, hint)


def _plain(error: BaseException) -> str:
    """What an exporter says, without its colours."""
    return " ".join(_COLOUR.sub("", str(error)).split())[:300]


def _by_torch(graph: Graph, opset: int) -> Any:
    import torch

    program = _traced(graph)
    made = torch.onnx.export(program, (), dynamo=True, opset_version=opset, verbose=False)
    assert made is not None, "no file was named"
    return made.model


def _traced(graph: Graph) -> Any:
    import torch

    with torch.no_grad():
        return torch.export.export(
            graph.module, graph.sample(graph.traced), dynamic_shapes=(_shapes(graph),), strict=False
        )


def _by_transformers(graph: Graph, opset: int) -> Any:
    """Transformers patches what torch does not take, such as the views of T5."""
    found = _transformers_exporter()
    if found is None:
        raise RuntimeError(f"there are no exporters of {_TRANSFORMERS}")
    exporter, config = found
    names = [f"input_{at}" for at in range(len(graph.inputs))]
    inputs = dict(zip(names, graph.sample(graph.traced), strict=True))
    shapes = dict(zip(names, _shapes(graph), strict=True))
    options = config(dynamic=True, dynamic_shapes=shapes, opset_version=opset)
    return exporter().export(_by_name(graph.module, names), inputs, config=options).program


def _transformers_exporter() -> tuple[Any, Any] | None:
    with contextlib.suppress(ImportError):
        from transformers.exporters.base import ExportedModel  # noqa: F401 (what it gives since 5.23)
        from transformers.exporters.exporter_onnx import OnnxConfig, OnnxExporter

        return OnnxExporter, OnnxConfig
    return None


def _by_name(module: Any, names: list[str]) -> Any:
    import torch

    class ByName(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, **given: Any) -> Any:
            return self.inner(*(given[name] for name in names))

    return ByName().eval()


def _by_the_older(graph: Graph, opset: int, *, path: Path) -> Any:
    import onnx_ir
    import torch

    # It would write any branch that the traced input takes.
    try:
        _traced(graph)
    except Exception as error:  # what else it does not take is no matter here
        refuse_branches(error)
    eager = getattr(graph.module, "set_attention", None)
    if opset < _LEAST_WITH_ATTENTION and eager is not None:
        eager("eager")
    axes = {
        port.name: {at: axis for at, axis in enumerate(port.axes) if isinstance(axis, str)}
        for port in (*graph.inputs, *graph.outputs)
    }
    try:
        with torch.no_grad():
            torch.onnx.export(
                graph.module,
                graph.sample(graph.traced),
                str(path),
                dynamo=False,
                opset_version=opset,
                input_names=[port.name for port in graph.inputs],
                output_names=[port.name for port in graph.outputs],
                dynamic_axes=axes,
            )
    except Exception as error:
        said = _plain(error)[:200]
        raise Refused(
            "export-error", f"opset {opset} cannot be had for it: {said}", "opset = 17, or leave it out"
        ) from error
    program = onnx_ir.load(path)
    onnx_ir.external_data.load_to_model(program)
    return program


def _shapes(graph: Graph) -> tuple[Any, ...]:
    import torch

    names = dict.fromkeys(axis for port in graph.inputs for axis in port.axes if isinstance(axis, str))
    dims = {name: torch.export.Dim(name, min=graph.limits[name][0], max=graph.limits[name][1]) for name in names}
    return tuple(
        {at: dims[axis] for at, axis in enumerate(port.axes) if isinstance(axis, str)} for port in graph.inputs
    )


def _name(program: Any, graph: Graph) -> None:
    """Give inputs, outputs and dimensions their names: torch calls them s10 and s11."""
    import onnx_ir

    known: dict[str, str] = {}
    for value, port in zip(program.graph.inputs, graph.inputs, strict=True):
        for found, axis in zip(value.shape or (), port.axes, strict=False):
            if isinstance(axis, str) and isinstance(found, onnx_ir.SymbolicDim) and found.value:
                known[str(found.value)] = axis
        value.name = port.name
        value.shape = onnx_ir.Shape(list(port.axes))
    for value, port in zip(program.graph.outputs, graph.outputs, strict=True):
        value.name = port.name
        value.shape = onnx_ir.Shape(list(port.axes))
    for node in program.graph:
        for value in node.outputs:
            if value.shape is None or value.is_graph_output():
                continue
            value.shape = onnx_ir.Shape([_renamed(size, known) for size in value.shape])


def _renamed(size: Any, known: Mapping[str, str]) -> Any:
    text = getattr(size, "value", size)
    if not isinstance(text, str):
        return text
    return re.sub(r"[A-Za-z_]\w*", lambda match: known.get(match[0], match[0]), text)


def save(program: Any, path: Path) -> None:
    """Write a graph, with large weights in ``<name>.data`` beside it; protobuf ends at 2 GB."""
    import onnx_ir

    weights = sum(
        value.const_value.nbytes for value in program.graph.initializers.values() if value.const_value is not None
    )
    data = f"{path.name}.data" if weights > EXTERNAL_BYTES else None
    onnx_ir.save(program, path, external_data=data)
