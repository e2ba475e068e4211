"""Which loads are put on a server, and what is wanted of it. Changes with how these are written."""

from __future__ import annotations

import re
from typing import Literal

from prewarm.records.errors import CommandError
from prewarm.records.load import Bound, LoadKind, Step

MOST_CONCURRENCY = 4096
MOST_RATE = 100_000.0
_BOUND = re.compile(r"(mean|p50|p90|p95|p99|max|errors|rate)\s*(<=|>=|<|>)\s*(\d+(?:\.\d+)?)\s*(ms|s|%|/s)?")
_SIGNS: dict[str, Literal["<", "<=", ">", ">="]] = {"<": "<", "<=": "<=", ">": ">", ">=": ">="}


def read_steps(concurrency: str | None, rate: str | None) -> tuple[Step, ...]:
    """The steps of ``1,2,4,8``; by default of a closed loop.

    Raises:
        CommandError: they are none.
    """
    if concurrency is not None and rate is not None:
        raise CommandError("--concurrency and --rate exclude each other", hint="run it twice")
    kind: LoadKind = "rate" if rate is not None else "concurrency"
    found: list[Step] = []
    said = rate if rate is not None else concurrency
    for word in ("1,2,4,8" if said is None else said).split(","):
        try:
            value = float(word)
        except ValueError:
            value = -1.0
        most = MOST_RATE if kind == "rate" else MOST_CONCURRENCY
        if not 0 < value <= most or (kind == "concurrency" and not value.is_integer()):
            what = f"a number up to {most:g}" if kind == "rate" else f"a whole number from 1 to {most:g}"
            raise CommandError(f"--{kind}: '{word.strip()}' is no load: {what}", hint=f"--{kind} 1,2,4,8")
        found.append(Step(kind=kind, value=value))
    return tuple(sorted(dict.fromkeys(found), key=lambda step: step.value))


def read_bounds(text: str | None) -> tuple[Bound, ...]:
    """What ``p95<200ms,errors<1%`` wants.

    Raises:
        CommandError: it is no such text.
    """
    found = []
    for word in (text or "").split(","):
        said = word.strip()
        if not said:
            continue
        match = _BOUND.fullmatch(said)
        unit = match[4] if match else None
        units = {"errors": ("%",), "rate": ("/s", None)}.get(match[1] if match else "", ("ms", "s"))
        if match is None or unit not in units:
            hint = "p95<200ms, with mean, p50, p90, p95, p99, max in ms or s; errors<1%; rate>50/s"
            raise CommandError(f"--slo: '{said}' is nothing to hold", hint=hint)
        if match[1] == "errors" and float(match[3]) > 100:
            raise CommandError(f"--slo: '{said}' is more than all", hint="errors<1%")
        scale = {"ms": 1e-3, "%": 1e-2}.get(unit or "", 1.0)
        found.append(Bound(metric=match[1], sign=_SIGNS[match[2]], value=float(match[3]) * scale, said=said))
    if text is not None and not found:
        raise CommandError("--slo is empty", hint='--slo "p95<200ms,errors<1%"')
    return tuple(found)
