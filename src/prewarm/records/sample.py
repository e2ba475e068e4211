"""What is asked of a model, what it should answer, and what it did. Changes with what a sample can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from prewarm.records.failure import Failure

AnswerKind = Literal["text", "labels", "vector", "value"]
"""``value``: what a pipeline or a class of its own gives, as JSON."""
Verdict = Literal["passed", "failed", "new"]
"""``new``: nothing is expected of it, and nothing was recorded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """What an answer has to be like: all that is named here."""

    contains: tuple[str, ...] = ()
    """Each stands in the last answer, in whatever case."""
    equals: tuple[str, ...] = ()
    """The answer; of a conversation the last one, or each in its turn."""
    label: str | None = None
    """The first label."""
    min_score: float | None = None
    """The least score of ``label``, or of the first one; the least confidence of a text."""
    nearest: str | None = None
    """The sample of the same entry whose vector is the nearest, of all that have one."""
    min_cosine: float | None = None
    """The least cosine with the vector of ``nearest``, else with the one that was recorded."""
    max_difference: float | None = None
    """The greatest difference of a number of the recorded answer."""

    @property
    def needs_recorded(self) -> bool:
        """Whether it says something about a recorded answer."""
        return self.max_difference is not None or (self.min_cosine is not None and self.nearest is None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One input of an entry."""

    name: str
    """What it is called; None: ``sample 1``."""
    text: str | None = None
    """A text."""
    text_pair: str | None = None
    """The second text: a context for a question, a hypothesis for a premise."""
    chat: tuple[str, ...] = ()
    """Questions of one conversation: each sees those before it."""
    image: str | None = None
    """A file, from the manifest's folder."""
    audio: str | None = None
    """A file, from the manifest's folder."""
    input: Mapping[str, Any] | None = field(default=None, hash=False)
    """Keywords of a pipeline, or of what the entry's class gives."""
    expect: Expectation | None = None
    """What the answer has to be like; None: an answer is compared with the recorded one."""
    task: str | None = None
    """Of a case: what the model does; None: what its class does."""
    place: str = "sample"
    """Where it stands, for messages."""

    @property
    def asked(self) -> str:
        """The input in a line."""
        said = [*self.chat] or [one for one in (self.text, self.text_pair, self.image, self.audio) if one]
        return " / ".join(said) or str(dict(self.input or {}))


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a model gave for one sample."""

    kind: AnswerKind
    task: str
    texts: tuple[str, ...] = ()
    """The answer, or those of a conversation."""
    confidence: tuple[float, ...] = ()
    """Of each text: ``exp(mean log-softmax of the unmodified logits of its tokens)``."""
    labels: tuple[tuple[str, float], ...] = ()
    """Label and score, the highest score first."""
    vector: tuple[float, ...] = ()
    numbers: tuple[float, ...] = ()
    """The model's own numbers: the logits of labels."""
    first: tuple[tuple[int, float], ...] = ()
    """The greatest logits of the first token of a text, by token."""
    tokens: int = 0
    """That were written."""
    is_sampled: bool = False
    elapsed_s: float = 0.0
    notes: tuple[str, ...] = ()
    """What a user should know of it, a sentence each."""

    @property
    def said(self) -> str:
        """The answer in a line."""
        if self.kind == "labels":
            return ", ".join(f"{label} {score:.3f}" for label, score in self.labels[:3])
        if self.kind == "vector":
            return f"{len(self.vector)} numbers"
        return " / ".join(self.texts)

    @property
    def score(self) -> float | None:
        """The first label's score, or the least confidence of its texts."""
        if self.kind == "labels":
            return self.labels[0][1] if self.labels else None
        return min(self.confidence, default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """An answer that was stored as what is expected."""

    entry: str
    """The entry's name, or its id."""
    name: str
    """Of the sample."""
    cases: str = ""
    """The set of cases that it is of, from the manifest's folder; empty: the manifest's samples."""
    digest: str
    """Of the sample's input and of how it is generated: another one is not compared."""
    commit: str
    dtype: str | None
    versions: Mapping[str, str] = field(hash=False)
    answer: Answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one sample."""

    sample: Sample
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    """Why it has failed, a phrase each."""
    answer: Answer | None = None
    """None: there was none."""
    nearest: tuple[str, float] | None = None
    """The sample of the entry whose vector is the nearest, and the cosine."""


def is_enough(outcomes: Sequence[Outcome], least: float) -> bool:
    """Whether so much of a set passed, as a share."""
    passed = sum(one.verdict == "passed" for one in outcomes)
    # The last digits of a product say nothing.
    return bool(outcomes) and passed >= least * len(outcomes) - 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """What became of the samples of one entry."""

    id: str
    """The entry's name, or its id."""
    commit: str | None
    required: bool
    outcomes: tuple[Outcome, ...] = ()
    load_s: float | None = None
    peak_rss_bytes: int | None = None
    dtype: str | None = None
    failure: Failure | None = None
    """Why none was asked."""
    recorded: int = 0
    """Answers that were stored."""

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return self.failure is None and all(one.verdict != "failed" for one in self.outcomes)

    def passes(self, least: float) -> bool:
        """Whether so much of a set passed, as a share: what nothing is known of has not."""
        return self.failure is None and is_enough(self.outcomes, least)


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseChange:
    """A case that came out otherwise than at the last commit."""

    entry: str
    name: str
    before: tuple[str, str, str]
    """Commit, verdict and answer."""
    after: tuple[str, str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class TryReport:
    """What came of trying samples, or a set of cases."""

    entries: tuple[Tried, ...]
    manifest: Path
    elapsed_s: float
    cases: Path | None = None
    """The set that was run; None: the manifest's samples."""
    min_pass: float = 1.0
    """The least share of a set that has to pass."""
    changed: tuple[CaseChange, ...] = ()

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Of every entry."""
        return tuple(outcome for one in self.entries for outcome in one.outcomes)

    @property
    def pass_rates(self) -> Mapping[str, tuple[int, int]]:
        """By task, how many passed, and how many there were."""
        found: dict[str, tuple[int, int]] = {}
        for one in self.outcomes:
            task = one.answer.task if one.answer is not None else one.sample.task or "no answer"
            passed, total = found.get(task, (0, 0))
            found[task] = (passed + (one.verdict == "passed"), total + 1)
        return found

    @property
    def ok(self) -> bool:
        """Whether every required entry's samples passed; of a set, whether enough of it did."""
        if self.cases is None:
            return all(one.ok for one in self.entries if one.required)
        return all(one.failure is None for one in self.entries) and is_enough(self.outcomes, self.min_pass)


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerChange:
    """One sample at two commits."""

    before: Outcome
    after: Outcome
    differences: tuple[str, ...] = ()
    """What of the answer is another, a phrase each; none: it is the same, within what is tolerated."""

    @property
    def is_worse(self) -> bool:
        """Whether it was as expected, and is so no more."""
        return self.after.verdict == "failed" and self.before.verdict != "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class UpgradeTried:
    """An entry's samples at the commit that is locked, and at the one that would be."""

    id: str
    before: str
    """Commit."""
    after: str
    samples: tuple[AnswerChange, ...] = ()
    failure: Failure | None = None
    """Why it could not be asked at the new commit."""

    @property
    def is_worse(self) -> bool:
        """Whether the new commit may not be taken without a look."""
        return self.failure is not None or any(one.is_worse for one in self.samples)
