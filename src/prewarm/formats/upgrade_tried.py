"""What samples answered at two commits, for people and as JSON. Changes with what is said of a difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from prewarm.formats.document import error_of
from prewarm.formats.failed import help_lines
from prewarm.formats.try_document import answer_table
from prewarm.formats.trying import in_a_line
from prewarm.records.sample import AnswerChange, UpgradeTried
from prewarm.records.text import harmless

Paint = Callable[[str, str], str]


def lines(tried: Sequence[UpgradeTried], paint: Paint) -> list[str]:
    """Answer by answer, what is another one."""
    found: list[str] = []
    for one in tried:
        same = sum(not sample.differences for sample in one.samples)
        head = f"{one.id}: {same} of {len(one.samples)} answers as at {one.before[:7]}"
        found.append(head if one.failure is None else f"{one.id}: at {one.after[:7]} it cannot be asked")
        if one.failure is not None:
            found.append(f"  {paint(one.failure.kind, 'red')}: {one.failure.message}")
            found += help_lines(one.failure.hint, one.failure.kind)
        for sample in one.samples:
            found += _sample(sample, one, paint)
    return found


def as_table(one: UpgradeTried) -> dict[str, Any]:
    """An entry as JSON."""
    return {
        "id": one.id,
        "before": one.before,
        "after": one.after,
        "worse": one.is_worse,
        "samples": [
            {
                "name": sample.after.sample.name,
                "asked": sample.after.sample.asked,
                "same": not sample.differences,
                "worse": sample.is_worse,
                "differences": list(sample.differences),
                "reasons": list(sample.after.reasons),
                "before": answer_table(sample.before.answer) if sample.before.answer is not None else None,
                "after": answer_table(sample.after.answer) if sample.after.answer is not None else None,
            }
            for sample in one.samples
        ],
        "error": error_of(one.failure) if one.failure is not None else None,
    }


def _sample(sample: AnswerChange, one: UpgradeTried, paint: Paint) -> list[str]:
    name = in_a_line(sample.after.sample.name)
    if sample.is_worse:
        word, colour = "worse", "red"
    elif sample.differences:
        word, colour = "changed", "yellow"
    else:
        return [f"  {paint('same   ', 'green')}  {name}"]
    found = [f"  {paint(f'{word:<7}', colour)}  {name}: {in_a_line(sample.after.sample.asked)}"]
    for commit, outcome in ((one.before, sample.before), (one.after, sample.after)):
        said = outcome.answer.said if outcome.answer is not None else "; ".join(outcome.reasons)
        found.append(f"             {commit[:7]}  {in_a_line(said) or '(nothing)'}")
    told = sample.after.reasons if sample.is_worse else sample.differences
    return found + [f"             {paint(harmless(reason), colour)}" for reason in told]
