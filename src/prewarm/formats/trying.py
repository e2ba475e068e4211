"""What came of samples, for people. Changes with what is said of an answer."""

from __future__ import annotations

from collections.abc import Callable

from prewarm.formats.failed import help_lines
from prewarm.records.sample import CaseChange, Outcome, Tried, TryReport
from prewarm.records.text import harmless
from prewarm.records.units import duration, plural, size

_COLOURS = {"passed": "green", "failed": "red", "new": "yellow"}
_SHOWN = 200
_CHANGES = 20

Paint = Callable[[str, str], str]


def lines(report: TryReport, paint: Paint, *, quiet: bool, verbose: bool) -> list[str]:
    """The lines.

    Args:
        report: what came of it.
        paint: gives a text a colour.
        quiet: only what failed.
        verbose: with traces, and with every case of a set.
    """
    found: list[str] = []
    shows_all = report.cases is None or verbose
    for one in report.entries:
        outcomes = [outcome for outcome in one.outcomes if (not quiet and shows_all) or outcome.verdict == "failed"]
        if quiet and one.ok:
            continue
        found += [_head(one, paint), *(line for outcome in outcomes for line in outcome_lines(outcome, paint))]
        if one.failure is not None:
            found.append(f"  {paint(one.failure.kind, 'red')}: {one.failure.message}")
            found += help_lines(one.failure.hint, one.failure.kind)
            if verbose and one.failure.trace:
                found += [f"    {line}" for line in one.failure.trace.splitlines()]
        found += [f"  {harmless(note)}" for note in _notes(one)]
    if report.cases is not None:
        found += _changes(report.changed, paint)
    return found if quiet else [*found, *_total(report, paint)]


def outcome_lines(outcome: Outcome, paint: Paint) -> list[str]:
    """One sample: what was asked, what was answered, and what is wrong with that."""
    answer = outcome.answer
    found = [f"  {paint(f'{outcome.verdict:<6}', _COLOURS[outcome.verdict])}  {in_a_line(outcome.sample.name)}"]
    if outcome.sample.asked != "{}":
        found[0] += f": {in_a_line(outcome.sample.asked)}"
    if answer is not None:
        facts = [f"confidence {answer.score:.3f}"] if answer.kind == "text" and answer.score is not None else []
        facts += [f"nearest: {in_a_line(outcome.nearest[0])} {outcome.nearest[1]:.3f}"] if outcome.nearest else []
        facts.append(_time(answer.elapsed_s))
        found.append(f"          → {in_a_line(answer.said) or '(nothing)'}  ({', '.join(facts)})")
    return found + [f"          {paint(harmless(reason), _COLOURS[outcome.verdict])}" for reason in outcome.reasons]


def _head(one: Tried, paint: Paint) -> str:
    facts = [one.dtype] if one.dtype else []
    facts += [f"loaded in {duration(one.load_s)}"] if one.load_s is not None else []
    facts += [size(one.peak_rss_bytes)] if one.peak_rss_bytes else []
    said = [paint(harmless(one.id), "cyan"), one.commit[:7] if one.commit else "", ", ".join(facts)]
    return "  ".join(part for part in said if part)


def _notes(one: Tried) -> list[str]:
    return list(dict.fromkeys(note for outcome in one.outcomes if outcome.answer for note in outcome.answer.notes))


def _changes(changes: tuple[CaseChange, ...], paint: Paint) -> list[str]:
    found = [f"{plural(len(changes), 'case')} came out otherwise than at the last commit:"] if changes else []
    for change in changes[:_CHANGES]:
        (commit, was, before), (_, is_now, after) = change.before, change.after
        name = in_a_line(change.name)
        found.append(f"  {name}: {_verdict(was, paint)} at {commit[:7]}: {in_a_line(before)}")
        found.append(f"  {'':<{len(name)}}  {_verdict(is_now, paint)} now: {in_a_line(after)}")
    more = len(changes) - _CHANGES
    return [*found, f"  and {more} more: --json has all of them"] if more > 0 else found


def _total(report: TryReport, paint: Paint) -> list[str]:
    outcomes = report.outcomes
    kind = "sample" if report.cases is None else "case"
    passed = sum(one.verdict == "passed" for one in outcomes)
    new = sum(one.verdict == "new" for one in outcomes)
    recorded = sum(one.recorded for one in report.entries)
    said = f"{passed} of {plural(len(outcomes), kind)} passed"
    if report.cases is not None:
        rates = [f"{task} {count} of {total}" for task, (count, total) in sorted(report.pass_rates.items())]
        said += (
            f" ({', '.join(rates)})"
            if len(rates) > 1
            else f" ({rates[0].rpartition(' ')[0].split()[0]})"
            if rates
            else ""
        )
    said += f", {new} with nothing to compare with" if new else ""
    said += f", {recorded} recorded" if recorded else ""
    found = [f"{paint(said, 'green' if report.ok else 'red')} in {duration(report.elapsed_s)}"]
    if new:
        found.append("  try: prewarm try --record")
    return found


def _time(elapsed_s: float) -> str:
    return f"{elapsed_s * 1000:.0f} ms" if elapsed_s < 1 else duration(elapsed_s)


def _verdict(word: str, paint: Paint) -> str:
    return paint(word, _COLOURS.get(word, "yellow"))


def in_a_line(text: str) -> str:
    """Somebody else's words, short enough for a line."""
    said = " ".join(harmless(text).split())
    return said if len(said) <= _SHOWN else f"{said[: _SHOWN - 1]}…"
