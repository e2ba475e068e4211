"""The history, for people and as JSON. Changes with what is said of a version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, get_args

from prewarm.records.history import Comparison, Row, RowKind, Version
from prewarm.records.text import harmless, json_document
from prewarm.records.units import plural, size

SCHEMA = 1
Paint = Callable[[str, str], str]
_TRENDS = {"worse": "red", "better": "green", "not compared": "yellow"}
KINDS: tuple[RowKind, ...] = get_args(RowKind)


def lines(versions: Sequence[Version], paint: Paint) -> list[str]:
    """The versions of each entry, the newest last, with their notes."""
    found: list[str] = []
    for entry in dict.fromkeys(version.entry for version in versions):
        found.append(paint(harmless(entry), "cyan"))
        for version in versions:
            if version.entry != entry:
                continue
            last = version.rows[-1].at if version.rows else version.notes[-1].at
            found.append(f"  {version.commit[:7] or '(none)':<7}  {last}")
            for row in version.newest:
                colour = "green" if row.is_good else "red"
                times = sum(one.of == row.of for one in version.rows)
                more = f" ({plural(times, 'time')})" if times > 1 else ""
                found.append(f"    {row.kind:<6} {paint(f'{row.result:<7}', colour)} {harmless(figures_of(row))}{more}")
            found += [f"    note   {note.at[:10]}  {harmless(note.text)}" for note in version.notes]
    return found or ["the history is empty"]


def comparison_lines(before: Version, after: Version, changes: Sequence[Comparison], paint: Paint) -> list[str]:
    """What got worse, and what better."""
    head = f"{harmless(after.entry)}: {before.commit[:7]} → {after.commit[:7]}"
    found = [
        f"  {paint(f'{one.trend:<6}', _TRENDS[one.trend])}  {harmless(one.what)}: "
        f"{harmless(one.before)} → {harmless(one.after)}"
        for one in sorted(changes, key=lambda one: one.trend != "worse")
    ]
    return [head, *(found or ["  nothing is worse, and nothing better, of what both have"])]


def document(versions: Sequence[Version], changes: Sequence[Comparison] | None) -> str:
    """The same as JSON."""
    told = {
        "schema": SCHEMA,
        "command": "history",
        "versions": [
            {
                "entry": version.entry,
                "commit": version.commit or None,
                "rows": [asdict(row) for row in version.rows],
                "notes": [asdict(note) for note in version.notes],
            }
            for version in versions
        ],
        "changes": [asdict(one) for one in changes] if changes is not None else None,
    }
    return json_document(told)


def figures_of(row: Row) -> str:
    """What a row measured, in a line."""
    figures = row.figures
    if error := figures.get("error"):
        return str(error)[:200]
    try:
        return _SAID[row.kind](figures)
    except (TypeError, ValueError, LookupError, OverflowError, AttributeError):
        # Another program may have written it.
        return "figures that cannot be read"


def _proof(figures: Mapping[str, Any]) -> str:
    return _joined(
        _seconds(figures, "load_s", "loaded in"), _size(figures, "peak_rss_bytes"), str(figures.get("model") or "")
    )


def _try(figures: Mapping[str, Any]) -> str:
    said = _joined(*(f"{figures[word]} {word}" for word in ("passed", "failed", "new") if figures.get(word)))
    return f"{said} of {figures['cases']}" if figures.get("cases") else said


def _load(figures: Mapping[str, Any]) -> str:
    steps = [one for one in figures.get("steps") or [] if isinstance(one, dict) and one.get("latency")]
    p95 = ""
    if steps:
        unit = "/s" if steps[0].get("kind") == "rate" else " at a time"
        p95 = f"p95 {1000 * steps[0]['latency']['p95_s']:.0f} ms at {steps[0]['value']:g}{unit}"
    capacity = figures.get("capacity")
    return _joined(f"{capacity:.1f} answers/s at most" if isinstance(capacity, (int, float)) else "", p95)


def _audit(figures: Mapping[str, Any]) -> str:
    return _joined(*(plural(int(figures.get(name) or 0), name[:-1]) for name in ("errors", "warnings")))


def _export(figures: Mapping[str, Any]) -> str:
    difference = figures.get("difference")
    return _joined(
        str(figures.get("task") or ""),
        _size(figures, "bytes"),
        f"differs by {difference:.1e}" if isinstance(difference, (int, float)) else "",
    )


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _seconds(figures: Mapping[str, Any], key: str, word: str) -> str:
    value = figures.get(key)
    return f"{word} {value:.2f} s" if isinstance(value, (int, float)) else ""


def _size(figures: Mapping[str, Any], key: str) -> str:
    value = figures.get(key)
    return size(int(value)) if isinstance(value, (int, float)) else ""


_SAID: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "proof": _proof, "try": _try, "load": _load, "audit": _audit, "export": _export,
}  # fmt: skip
