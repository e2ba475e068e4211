"""Whether a file gives what the original gives. Changes with what is compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prewarm.export.inside.graph import Graph
from prewarm.worker.refused import Refused

TOLERANCE = 1e-4
"""Of the greatest value of the original: graphs that are right differ by some 1e-6, wrong ones by more than 1e-2."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """How far they agree."""

    difference: float
    similarity: float
    cases: int
    longest: int


def session_of(path: Path) -> Any:
    """The file, opened as a deployment opens it.

    Raises:
        Refused: onnxruntime does not take it.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        raise Refused("export-error", f"onnxruntime does not open it: {said}", "another opset or dtype") from error


def compare(graph: Graph, session: Any) -> Found:
    """The graph's file beside the original, on each of its cases.

    Raises:
        Refused: onnxruntime does not run it, or its outputs have other sizes.
    """
    import numpy as np
    import torch

    worst, least, longest = 0.0, 1.0, 0
    for case in graph.cases:
        inputs = graph.sample(case)
        with torch.no_grad():
            expected = [one.float().numpy() for one in graph.module(*inputs)]
        found = _run(graph, session, inputs, case)
        mask = graph.counted(inputs, case)
        for at, (one, other) in enumerate(zip(expected, found, strict=True)):
            if one.shape != other.shape:
                raise _differs(case, f"{graph.outputs[at].name} has the shape {other.shape} in place of {one.shape}")
            if not one.size:
                continue
            if not np.isfinite(other).all() and np.isfinite(one).all():
                raise _differs(case, f"{graph.outputs[at].name} is not finite")
            is_counted = mask if mask is not None and at == 0 else None
            kept, given = (_counted(value, is_counted) for value in (one, other))
            scale = max(float(np.abs(kept).max()), 1e-6)
            worst = max(worst, float(np.abs(kept - given).max()) / scale)
            least = min(least, _similarity(kept, given))
        longest = max(longest, case.length + case.past)
    return Found(difference=worst, similarity=least, cases=len(graph.cases), longest=longest)


def accept(graph: Graph, found: Found, *, is_reduced: bool, least: float) -> None:
    """Raise Refused where a file differs from the original by more than it may."""
    if is_reduced and found.similarity < least:
        raise Refused(
            "export-error",
            f"{graph.file} gives what is less like the original than {least}: {found.similarity:.4f}",
            f'dtype = "float32"; or, where that is enough: [settings] min_similarity = {found.similarity - 5e-4:.3f}',
        )
    if not is_reduced and found.difference > TOLERANCE:
        raise Refused(
            "export-error",
            f"{graph.file} differs from the original by {found.difference:.1e} of its greatest value on inputs that "
            "were not traced: the graph is wrong for them",
            "its code may branch on a shape; another opset or class may do; or serve it with torch",
        )


def _run(graph: Graph, session: Any, inputs: Any, case: Any) -> list[Any]:
    feed = {port.name: value.numpy() for port, value in zip(graph.inputs, inputs, strict=True)}
    there = {one.name for one in session.get_inputs()}
    if lost := [port.name for port in graph.inputs if port.name not in there]:
        raise _differs(case, f"the graph has no input {lost[0]}")
    try:
        return [one.astype("float32") for one in session.run([port.name for port in graph.outputs], feed)]
    except Exception as error:
        raise _differs(case, " ".join(str(error).split())[:200]) from error


def _differs(case: Any, said: str) -> Refused:
    return Refused(
        "export-error",
        f"onnxruntime does not run it with {case.batch} texts of {case.length}: {said}",
        "another opset or class may do; or serve it with torch",
    )


def _counted(value: Any, mask: Any) -> Any:
    return value if mask is None else value[mask]


def _similarity(one: Any, other: Any) -> float:
    """The least cosine of what stands on the last axis."""
    import numpy as np

    rows, others = (value.reshape(-1, value.shape[-1]).astype("float64") for value in (one, other))
    norms = np.linalg.norm(rows, axis=1) * np.linalg.norm(others, axis=1)
    cosines = (rows * others).sum(axis=1) / np.maximum(norms, 1e-12)
    return float(cosines[norms > 1e-12].min(initial=1.0))
