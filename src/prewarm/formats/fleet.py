"""A fleet for people: what each node does, and what became of it. Changes with what is said of a node."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from prewarm.formats.failed import help_lines
from prewarm.formats.lines import Lines
from prewarm.records.failure import Failure
from prewarm.records.fleet import FleetEvent, FleetProgress, FleetReport, NodeReport, NodeStep
from prewarm.records.text import harmless
from prewarm.records.units import duration, plural, size

Paint = Callable[[str, str], str]
_BETWEEN_S = 30.0
"""The longest that nothing is said while bytes come."""
_HEAD = ("node", "name", "from the Hub", "from nodes", "in", "proof", "status")


class NodeLines:
    """An observer that writes a line a step, and now and then one that says how far the fleet is.

    Args:
        stream: where to.
        verbose: with what mends itself.
        clock: seconds that only grow.
    """

    def __init__(self, stream: TextIO, *, verbose: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._lines = Lines(stream)
        self._verbose = verbose
        self._clock = clock
        self._told_s = clock()

    def __call__(self, event: FleetEvent) -> None:
        """Write the event's line, if it is worth one."""
        if isinstance(event, FleetProgress):
            line = progress_of(event)
            if not line or self._clock() - self._told_s < _BETWEEN_S:
                return
        else:
            line = "" if event.is_detail and not self._verbose else line_of(event)
        self._told_s = self._clock()
        if line:
            self._lines.write(line)


def line_of(step: NodeStep) -> str:
    """What a node does, in a line."""
    return f"{step.node[:8]} {harmless(step.name)}: {harmless(step.said)}"


def progress_of(progress: FleetProgress) -> str:
    """How far a fleet is, in a line; empty where nothing is to come."""
    if progress.ready + progress.failed >= progress.nodes:
        return ""
    arrived = f", {size(progress.came_bytes)} of {size(progress.wanted_bytes)} arrived" if progress.wanted_bytes else ""
    return f"{state_of(progress)}{arrived}, {size(progress.hub_bytes)} from the Hub so far"


def state_of(progress: FleetProgress) -> str:
    """How many nodes are ready, and how many are not going to be."""
    failed = f", {progress.failed} failed" if progress.failed else ""
    return f"{progress.ready} of {plural(progress.nodes, 'node')} ready{failed}"


def lines(report: FleetReport, paint: Paint, *, quiet: bool, verbose: bool) -> list[str]:
    """A table of the nodes, the totals, and what failed.

    Args:
        report: what became of the fleet.
        paint: gives a text a colour.
        quiet: only what is not ready.
        verbose: with each node's cache, environment and notes, and the command that says whether it is ready.
    """
    failed = _failures(report, paint)
    if quiet:
        return failed
    rows = [_HEAD, *(_row(one) for one in report.nodes)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEAD))]
    found = []
    for row, node in zip(rows, [None, *report.nodes], strict=True):
        cells = [
            f"{cell:>{width}}" if 2 <= at <= 4 else f"{cell:<{width}}"
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        if node is not None:
            cells[-1] = paint(cells[-1].rstrip(), "green" if node.is_ready else "red")
        found.append("  ".join(cells).rstrip())
    found += [_total(report), *map(harmless, report.notes)]
    if verbose:
        for node in report.nodes:
            found += ["", *_more(node)]
    else:
        found += [f"{_called(node)}: {harmless(note)}" for node in report.nodes if node.about
                  for note in node.about.notes]  # fmt: skip
    return [*found, *([""] if failed else []), *failed]


def _row(node: NodeReport) -> tuple[str, ...]:
    return (
        node.short,
        harmless(node.name),
        size(node.fetched.bytes) if node.fetched.bytes else "-",
        size(node.peer_bytes) if node.peer_bytes else "-",
        duration(node.elapsed_s),
        _proof(node),
        _status(node),
    )


def _proof(node: NodeReport) -> str:
    if node.proved:
        return "loaded here"
    return "as another node" if any(one.status == "proven" for one in node.entries) else "-"


def _status(node: NodeReport) -> str:
    if node.has_left:
        return "has left"
    if node.failure is not None:
        return "failed"
    ready = sum(one.ready for one in node.entries)
    return "ready" if ready == len(node.entries) else f"{ready} of {len(node.entries)} ready"


def _total(report: FleetReport) -> str:
    ready = sum(node.is_ready for node in report.nodes)
    spent = report.fetched
    hub = f"{size(spent.bytes)} from the Hub in {plural(spent.requests, 'request')}" if spent.requests else (
        "nothing from the Hub")  # fmt: skip
    waited = f", {duration(spent.waited_s)} of it waiting for limits" if spent.waited_s >= 1 else ""
    return (
        f"{ready} of {plural(len(report.nodes), 'node')} ready: {hub}, {size(report.peer_bytes)} from node to node, "
        f"in {duration(report.elapsed_s)}{waited}"
    )


def _more(node: NodeReport) -> list[str]:
    labels = ", ".join(f"{key}={value}" for key, value in sorted(node.labels.items()))
    found = [f"{node.id} {harmless(node.name)}" + (f" ({harmless(labels)})" if labels else "")]
    if node.about is not None:
        said = ", ".join(f"{name} {value}" for name, value in node.about.environment.items())
        found += [f"  cache: {harmless(node.about.cache)}", f"  environment: {harmless(said)}"]
        found.append(f"  whether it is ready: {harmless(node.about.check)}")
        found += [f"  {harmless(note)}" for note in node.about.notes]
    for entry in node.entries:
        found.append(f"  {harmless(entry.label)}: {entry.status}")
        found += [f"    {harmless(note)}" for note in entry.notes]
    return found


def _failures(report: FleetReport, paint: Paint) -> list[str]:
    """What failed, each thing once, with the nodes that it happened on."""
    where: dict[tuple[str, Failure], list[str]] = {}
    for node in report.nodes:
        if node.failure is not None:
            where.setdefault(("", node.failure), []).append(_called(node))
        for entry in node.entries:
            if entry.failure is not None:
                where.setdefault((entry.label, entry.failure), []).append(_called(node))
    found = []
    for (label, failure), nodes in where.items():
        subject = f"{label} on " if label else ""
        found.append(harmless(f"{subject}{', '.join(nodes)}: ") + paint(harmless(failure.said), "red"))
        found += help_lines(failure.hint, failure.kind)
    return found


def _called(node: NodeReport) -> str:
    return f"{node.short} ({harmless(node.name)})"
