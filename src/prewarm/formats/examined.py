"""What a doctor found, for people and as JSON. Changes with how it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prewarm.records.examined import Examined
from prewarm.records.text import harmless, json_document
from prewarm.records.units import plural

SCHEMA = 1
_MARKS = {"fine": ("ok", "green"), "note": ("note", "yellow"), "wrong": ("wrong", "red")}


def lines(found: Sequence[Examined], paint: Callable[[str, str], str]) -> list[str]:
    """A line each, with what mends it below."""
    width = max((len(one.topic) for one in found), default=0)
    told = []
    for one in found:
        word, colour = _MARKS[one.state]
        told.append(f"{paint(f'{word:<5}', colour)}  {one.topic:<{width}}  {harmless(one.said)}")
        if one.hint and one.state != "fine":
            told += [
                f"{'':<{width + 9}}{'try: ' if not at else '  '}{harmless(line)}"
                for at, line in enumerate(one.hint.splitlines())
            ]
    wrong = sum(one.state == "wrong" for one in found)
    notes = sum(one.state == "note" for one in found)
    total = f"{plural(wrong, 'thing')} wrong, {plural(notes, 'note')}"
    return [*told, "", paint(total, "red" if wrong else "green")]


def document(found: Sequence[Examined]) -> str:
    """The same as JSON."""
    told = {
        "schema": SCHEMA,
        "command": "doctor",
        "ok": not any(one.state == "wrong" for one in found),
        "findings": [
            {"topic": one.topic, "state": one.state, "said": one.said, "hint": one.hint or None} for one in found
        ],
    }
    return json_document(told)
