"""Whether an answer is as expected, or as it was recorded. Changes with what can be expected, and how near is near.

Measured on CPUs with other instruction sets, threads and attention (float32): vectors differ by 1e-7, logits by 1e-6 of
their range, and greedy texts not at all. In bfloat16 greedy texts differ from processor to processor.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from prewarm.records.sample import Answer, Expectation, Outcome, Recorded, Sample
from prewarm.samples.differing import first_difference

LEAST_COSINE: Mapping[str, float] = {"float32": 0.99999, "float16": 0.9999, "bfloat16": 0.999}
"""Of a vector and the recorded one, by the type of the weights; other types as bfloat16."""
MOST_DIFFERENCE: Mapping[str, float] = {"float32": 1e-4, "float16": 5e-3, "bfloat16": 2e-2}
"""Of a number and the recorded one, in parts of the greatest recorded number."""
_EXACT = ("float32", "float16")
_SHOWN = 160
_COMPARED = 100
"""Vectors of an entry up to which each is told its nearest: of a set of thousands it takes minutes to find."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Under which an answer was given."""

    dtype: str | None
    versions: Mapping[str, str]

    @property
    def kind(self) -> str:
        """The type of weights that tolerances are known for."""
        return self.dtype if self.dtype is not None and self.dtype in LEAST_COSINE else "bfloat16"


def judge(
    samples: Sequence[Sample],
    answers: Sequence[Answer | str],
    recorded: Mapping[str, Recorded],
    digests: Mapping[str, str],
    setting: Setting,
) -> list[Outcome]:
    """What becomes of each sample of an entry.

    Args:
        samples: of the entry.
        answers: to each of them, or why there is none.
        recorded: by the sample's name.
        digests: of each sample's input, by its name.
        setting: under which the answers were given.
    """
    vectors = {
        sample.name: answer.vector
        for sample, answer in zip(samples, answers, strict=True)
        if isinstance(answer, Answer) and answer.kind == "vector"
    }
    found = []
    for sample, answer in zip(samples, answers, strict=True):
        if isinstance(answer, str):
            found.append(Outcome(sample=sample, verdict="failed", reasons=(answer,)))
            continue
        known = recorded.get(sample.name)
        is_same = known is not None and known.digest == digests.get(sample.name)
        one = _judged(sample, answer, known if is_same else None, vectors, setting, was_another=bool(known))
        shows = answer.kind == "vector" and len(vectors) <= _COMPARED
        found.append(replace(one, nearest=nearest_of(sample, answer, vectors)) if shows else one)
    return found


def _judged(
    sample: Sample,
    answer: Answer,
    known: Recorded | None,
    vectors: Mapping[str, Sequence[float]],
    setting: Setting,
    *,
    was_another: bool,
) -> Outcome:
    expect = sample.expect
    if not is_finite(answer):
        reasons = ["what it computes are no numbers (nan, or infinite)"]
    elif expect is None:
        if known is None and not was_another:
            return Outcome(sample=sample, verdict="new", answer=answer)
        another = "it was recorded for another input, or other generation: prewarm try --record"
        reasons = unlike(answer, known, setting) if known is not None else [another]
    else:
        reasons = unexpected(expect, sample, answer, known, vectors)
    return Outcome(sample=sample, verdict="failed" if reasons else "passed", reasons=tuple(reasons), answer=answer)


def is_finite(answer: Answer) -> bool:
    """Whether all that it holds are numbers: what is none is like nothing, and as nobody expects."""
    scores = [score for _, score in answer.labels]
    return all(map(math.isfinite, (*answer.vector, *answer.numbers, *answer.confidence, *scores)))


def unexpected(
    expect: Expectation,
    sample: Sample,
    answer: Answer,
    known: Recorded | None,
    vectors: Mapping[str, Sequence[float]],
) -> list[str]:
    """What of an answer is not as expected, a phrase each."""
    last = answer.texts[-1] if answer.texts else ", ".join(_names(answer))
    if (expect.contains or expect.equals) and answer.kind == "vector":
        return ["it gives vector, and no text"]
    found = [f"it does not contain '{word}'" for word in expect.contains if word.casefold() not in last.casefold()]
    if expect.equals:
        given = [text.strip() for text in (answer.texts if len(expect.equals) > 1 else [last])]
        wanted = [text.strip() for text in expect.equals]
        if given != wanted:
            found.append(f"it is '{_short(' / '.join(given))}', and not '{_short(' / '.join(wanted))}'")
    if expect.label is not None:
        found += _label(expect, answer)
    elif expect.min_score is not None:
        found += _score(answer.score, expect.min_score)
    if expect.nearest is not None:
        found += _nearest(expect, sample, answer, vectors)
    if expect.needs_recorded and known is None:
        found.append("there is no recorded answer to compare it with: prewarm try --record")
    if known is not None and expect.nearest is None and expect.min_cosine is not None:
        cosine = cosine_of(answer.vector, known.answer.vector)
        if not cosine >= expect.min_cosine:
            found.append(f"its cosine with the recorded vector is {cosine:.6f}, less than {expect.min_cosine:g}")
    if known is not None and expect.max_difference is not None:
        difference = difference_of(_numbers(answer), _numbers(known.answer))
        if not difference <= expect.max_difference:
            said = f"more than {expect.max_difference:g}"
            found.append(f"it differs by {difference:.2g} from the recorded one, {said}")
    return found


def unlike(answer: Answer, known: Recorded, setting: Setting) -> list[str]:
    """What of an answer is not as it was recorded, a phrase each."""
    before = known.answer
    at = f"at {known.commit[:7]}"
    if answer.kind != before.kind:
        return [f"it gives {answer.kind}, and gave {before.kind} {at}"]
    if answer.kind == "vector" and len(answer.vector) != len(before.vector):
        return [f"it has {len(answer.vector)} numbers, and had {len(before.vector)} {at}"]
    if answer.kind == "vector":
        cosine, least = cosine_of(answer.vector, before.vector), LEAST_COSINE[setting.kind]
        return [] if cosine >= least else [f"its cosine with the vector {at} is {cosine:.6f}, less than {least:g}"]
    if answer.kind == "labels":
        return _other_labels(answer, before, at, setting)
    if answer.kind == "value":
        where = _other_value(_json(answer), _json(before), MOST_DIFFERENCE[setting.kind])
        return [f"it is not as {at}{where}"] if where is not None else []
    if answer.texts == before.texts:
        return []
    if not _is_exact(answer, known, setting):
        # The text may be another one; what the model would begin with is not.
        ids = [token for token, _ in before.first]
        now = dict(answer.first)
        if ids and all(token in now for token in ids[:1]):
            shared = [token for token in ids if token in now]
            difference = difference_of([now[one] for one in shared], [dict(before.first)[one] for one in shared])
            if difference <= _most(before, setting):
                return []
    return [f"it is '{_short(' / '.join(answer.texts))}', and was '{_short(' / '.join(before.texts))}' {at}"]


def _json(answer: Answer) -> Any:
    try:
        return json.loads(answer.texts[0])
    except (ValueError, IndexError, RecursionError):
        return answer.texts


def _other_value(now: Any, was: Any, most: float) -> str | None:
    """Where two values of JSON differ, by more than numbers may; None: nowhere."""

    def is_like(one: Any, other: Any) -> bool:
        if _is_number(one) and _is_number(other):
            return bool(abs(one - other) <= most * max(1.0, abs(other)))
        return bool(one == other)

    found = first_difference(now, was, is_like)
    if found is None:
        return None
    where, one, other = found
    told = f": {one:g}, was {other:g}" if _is_number(one) and _is_number(other) else ""
    return f" at {where.lstrip('.') or 'its beginning'}{told}"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300


def cosine_of(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of two vectors; nan where they are of different lengths, or of none."""
    size = math.sqrt(sum(x * x for x in one)) * math.sqrt(sum(y * y for y in other))
    if len(one) != len(other) or not size:
        return math.nan
    return sum(x * y for x, y in zip(one, other, strict=True)) / size


def difference_of(one: Sequence[float], other: Sequence[float]) -> float:
    """The greatest difference of two lists of numbers; nan where they are of different lengths, or of none."""
    if len(one) != len(other) or not one:
        return math.nan
    found = [abs(x - y) for x, y in zip(one, other, strict=True)]
    return max(found) if all(math.isfinite(value) for value in found) else math.nan


def _is_exact(answer: Answer, known: Recorded, setting: Setting) -> bool:
    """Whether a text is compared word by word."""
    if answer.is_sampled and setting.versions.get("torch") != known.versions.get("torch"):
        return False
    return setting.dtype in _EXACT and not (answer.is_sampled and any("without a seed" in one for one in answer.notes))


def _other_labels(answer: Answer, before: Answer, at: str, setting: Setting) -> list[str]:
    now, was = _names(answer), _names(before)
    if now[:1] != was[:1]:
        return [f"it is '{now[0] if now else 'nothing'}', and was '{was[0] if was else 'nothing'}' {at}"]
    difference, most = difference_of(_numbers(answer), _numbers(before)), _most(before, setting)
    if not _numbers(answer) and not _numbers(before):
        return [] if now == was else [f"it is '{_short(', '.join(now))}', and was '{_short(', '.join(was))}' {at}"]
    return (
        [] if difference <= most else [f"its scores differ by {difference:.2g} from those {at}, more than {most:.2g}"]
    )


def _most(before: Answer, setting: Setting) -> float:
    numbers = [value for _, value in before.first] if before.kind == "text" else list(_numbers(before))
    return MOST_DIFFERENCE[setting.kind] * max([1.0, *(abs(one) for one in numbers if math.isfinite(one))])


def _numbers(answer: Answer) -> Sequence[float]:
    if answer.kind == "vector":
        return answer.vector
    return answer.numbers or [score for _, score in answer.labels] or answer.confidence


def _names(answer: Answer) -> list[str]:
    return [name for name, _ in answer.labels]


def _label(expect: Expectation, answer: Answer) -> list[str]:
    wanted = str(expect.label)
    if answer.kind != "labels":
        return [f"it gives {answer.kind}, and no label"]
    if not answer.labels:
        return [f"it finds nothing, and not '{wanted}'"]
    if answer.task in ("token-classification", "object-detection"):
        scores = [score for name, score in answer.labels if _is_called(name, wanted)]
        if not scores:
            return [f"it is '{_short(answer.said)}', without '{wanted}'"]
    elif not _is_called(answer.labels[0][0], wanted):
        return [f"it is '{answer.labels[0][0]}' ({answer.labels[0][1]:.3f}), and not '{wanted}'"]
    else:
        scores = [answer.labels[0][1]]
    return _score(max(scores), expect.min_score) if expect.min_score is not None else []


def _is_called(name: str, wanted: str) -> bool:
    """Whether a label has a name: ImageNet's are several words, such as "tabby, tabby cat"."""
    names = [name, *name.split(",")]
    return wanted.strip().casefold() in [one.strip().casefold() for one in names]


def _score(score: float | None, least: float) -> list[str]:
    if score is None:
        return ["it has no score"]
    return [] if score >= least else [f"its score is {score:.3f}, less than {least:g}"]


def _nearest(expect: Expectation, sample: Sample, answer: Answer, vectors: Mapping[str, Sequence[float]]) -> list[str]:
    wanted = str(expect.nearest)
    if answer.kind != "vector" or wanted not in vectors:
        return [f"{'it' if answer.kind != 'vector' else wanted} has no vector"]
    cosine = cosine_of(answer.vector, vectors[wanted])
    best = nearest_of(sample, answer, vectors)
    if best is None or best[0] != wanted:
        name, its = best or ("nothing", math.nan)
        return [f"'{name}' is nearer ({its:.3f}) than '{wanted}' ({cosine:.3f})"]
    if expect.min_cosine is not None and not cosine >= expect.min_cosine:
        return [f"its cosine with '{wanted}' is {cosine:.3f}, less than {expect.min_cosine:g}"]
    return []


def nearest_of(sample: Sample, answer: Answer, vectors: Mapping[str, Sequence[float]]) -> tuple[str, float] | None:
    """The sample whose vector is the nearest, and the cosine; None where there is none."""
    found = [(name, cosine_of(answer.vector, vector)) for name, vector in vectors.items() if name != sample.name]
    known = [pair for pair in found if math.isfinite(pair[1])]
    return max(known, key=lambda pair: pair[1], default=None)


def _short(text: str) -> str:
    said = " ".join(text.split())
    return said if len(said) <= _SHOWN else f"{said[: _SHOWN - 1]}…"
