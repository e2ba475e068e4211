"""Code that does something else for some sizes, as torch's exporter tells of it. Changes with its words."""

from __future__ import annotations

import re
from dataclasses import replace

from prewarm.export.inside.graph import Graph
from prewarm.worker.refused import Refused

_VIOLATED = "Constraints violated"
_GUARD = re.compile(r"Not all values of (\w+) = .*satisfy the generated guard (.*)")
_LEAST_MOST = 4
"""Tokens that a model may want at least: what stands around each text, and one of its own."""


def refuse_branches(error: Exception) -> None:
    """Raise Refused where torch says that the code does something else for other sizes."""
    said = "\n".join(str(one) for one in (error, error.__cause__, error.__context__) if one is not None)
    if _VIOLATED not in said:
        return
    detail = next((line for line in said.splitlines() if "Not all values" in line or "specialized" in line), said)
    guard = _GUARD.search(detail)
    if guard is None:
        plain = " ".join(detail.replace("  - ", "").split())
        raise _branches(
            plain[:300], "a max_length that stays on one side of the branch; or serve it with torch"
        ) from error
    least, most = (re.search(pattern, guard[2]) for pattern in (r"(\d+) <= L", r"<= (\d+)"))
    bound = Branch(guard[1], int(least[1]) if least else None, int(most[1]) if most else None)
    hint = "serve it with torch"
    if bound.axis == "sequence" and bound.most is not None:
        hint = f"max_length = {bound.most} stays on one side of the branch; or {hint}"
    raised = _branches(f"one for {bound}, and another beyond", hint)
    raised.__cause__ = bound
    raise raised


class Branch(Exception):
    """The sizes of an axis for which the code does the same as for the traced one."""

    def __init__(self, axis: str, least: int | None, most: int | None) -> None:
        self.axis, self.least, self.most = axis, least, most
        super().__init__(f"{axis} {'' if least is None else least} to {'any' if most is None else most}")


def _branches(said: str, hint: str) -> Refused:
    return Refused(
        "export-error",
        f"its code branches on a shape, so that a graph would be right for some lengths alone: {said}",
        hint,
    )


def with_what_it_takes(graph: Graph, refused: Refused) -> Graph | None:
    """The graph for texts that are a little longer at least, where that is all that its code asks for."""
    found = refused.__cause__
    if not isinstance(found, Branch) or found.least is None or found.axis not in graph.limits:
        return None
    least, most = graph.limits[found.axis]
    is_whole = found.most is None or found.most >= most
    if not is_whole or not least < found.least <= _LEAST_MOST:
        return None
    cases = [replace(case, length=max(case.length, found.least)) for case in graph.cases]
    limits = {**graph.limits, found.axis: (found.least, most)}
    return replace(graph, limits=limits, cases=tuple(dict.fromkeys(cases)))
