"""What got worse from one version to another. Changes with what is compared, and how much is a change.

Times and memory of single runs differ from run to run: less than a fifth says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeGuard

from prewarm.records.history import Comparison, Row, Trend, Version
from prewarm.records.units import size

_NOISE = 0.2
_LEAST_S = 0.05


def compare(before: Version, after: Version) -> tuple[Comparison, ...]:
    """What is worse and what is better, by the newest row of each kind, and of each set of cases."""
    found: list[Comparison] = []
    was = {row.of: row for row in before.newest}
    for new in after.newest:
        old, (kind, cases) = was.get(new.of), new.of
        if old is None:
            continue
        if kind == "load" and (other := _other_load(old.figures, new.figures)):
            found.append(Comparison(what=f"load ({other[0]})", before=other[1], after=other[2], trend="not compared"))
            continue
        if old.is_good != new.is_good:
            trend: Trend = "worse" if old.is_good else "better"
            found.append(
                Comparison(
                    what=f"{kind} of {cases}" if cases else kind, before=old.result, after=new.result, trend=trend
                )
            )
        found += _LOOKS[kind](old, new)
    return tuple(found)


def _proof(old: Row, new: Row) -> Iterator[Comparison]:
    yield from _less("time to load", old.figures, new.figures, "load_s", "{:.2f} s".format, least=_LEAST_S)
    yield from _less("memory to load", old.figures, new.figures, "peak_rss_bytes", size)
    yield from _less("bytes", old.figures, new.figures, "bytes", size, noise=0.0)


def _try(old: Row, new: Row) -> Iterator[Comparison]:
    was = {one.get("name"): one for one in _list(old.figures.get("samples"))}
    for one in _list(new.figures.get("samples")):
        earlier = was.get(one.get("name"))
        if earlier is None:
            continue
        failed = [sample.get("verdict") == "failed" for sample in (earlier, one)]
        if failed[0] != failed[1]:
            yield Comparison(
                what=f"sample {one.get('name')}",
                before=f"{earlier.get('verdict')}: {earlier.get('answer')}",
                after=f"{one.get('verdict')}: {one.get('answer')}",
                trend="worse" if failed[1] else "better",
            )


def _other_load(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """What two load tests differ in that are not of the same thing; None: nothing."""
    for name in ("payload", "threads", "served_by", "machine", "slo"):
        if old.get(name) != new.get(name):
            return name, str(old.get(name))[:80], str(new.get(name))[:80]
    kinds = [sorted({str(one.get("kind")) for one in _list(figures.get("steps"))}) for figures in (old, new)]
    return ("kind", ", ".join(kinds[0]), ", ".join(kinds[1])) if kinds[0] != kinds[1] else None


def _load(old: Row, new: Row) -> Iterator[Comparison]:
    yield from _more("most answers", old.figures, new.figures, "capacity", "{:.1f}/s".format)
    was = {(one.get("kind"), one.get("value")): one for one in _list(old.figures.get("steps"))}
    for one in _list(new.figures.get("steps")):
        earlier = was.get((one.get("kind"), one.get("value")))
        if earlier is None or one.get("void") or earlier.get("void"):
            continue
        unit = "/s" if one.get("kind") == "rate" else " at a time"
        step = f"{one.get('value')}{unit}".replace(".0", "")
        both = [found if isinstance(found := step_.get("latency"), dict) else {} for step_ in (earlier, one)]
        pair = both[0], both[1]
        yield from _less(f"p95 at {step}", *pair, "p95_s", "{:.3f} s".format, least=0.005)
        yield from _less(f"failures at {step}", earlier, one, "errors", "{:.1%}".format, least=0.005)


def _audit(old: Row, new: Row) -> Iterator[Comparison]:
    for name in ("errors", "warnings"):
        yield from _less(f"{name} of the audit", old.figures, new.figures, name, "{:.0f}".format, noise=0.0)


def _export(old: Row, new: Row) -> Iterator[Comparison]:
    yield from _less("difference from the original", old.figures, new.figures, "difference", "{:.1e}".format, noise=1.0)
    yield from _less("bytes of the artifact", old.figures, new.figures, "bytes", size, noise=0.0)


def _less(
    what: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    key: str,
    form: Callable[[float], str],
    *,
    noise: float = _NOISE,
    least: float = 0.0,
) -> Iterator[Comparison]:
    """A figure of which less is better."""
    before, after = old.get(key), new.get(key)
    if not _is_number(before) or not _is_number(after):
        return
    if abs(after - before) <= max(least, noise * min(abs(before), abs(after))):
        return
    trend: Trend = "worse" if after > before else "better"
    yield Comparison(what=what, before=form(before), after=form(after), trend=trend)


def _more(
    what: str, old: Mapping[str, Any], new: Mapping[str, Any], key: str, form: Callable[[float], str]
) -> Iterator[Comparison]:
    """A figure of which more is better."""
    for one in _less(what, old, new, key, form, noise=_NOISE / 2):
        trend: Trend = "better" if one.trend == "worse" else "worse"
        yield Comparison(what=one.what, before=one.before, after=one.after, trend=trend)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


_LOOKS = {"proof": _proof, "try": _try, "load": _load, "audit": _audit, "export": _export}
