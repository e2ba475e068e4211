"""What passes and what fails: expectations, recorded answers, and how near is near for each type of weights."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from prewarm.records.errors import ProofError
from prewarm.records.sample import Answer, Expectation, Recorded, Sample
from prewarm.samples import dump, judge, load, read_answers
from prewarm.samples.judge import Setting, cosine_of, unlike
from prewarm.samples.recorded import _packed, _unpacked

HERE = Setting(dtype="float32", versions={"torch": "2.13.0"})
VECTOR = (1.0, 0.0, 0.5)


def text(*texts: str, **more: Any) -> Answer:
    return Answer(kind="text", task="text-generation", texts=texts, confidence=tuple(0.5 for _ in texts), **more)


def labels(*pairs: tuple[str, float], task: str = "text-classification", **more: Any) -> Answer:
    return Answer(kind="labels", task=task, labels=pairs, **more)


def vector(*numbers: float) -> Answer:
    return Answer(kind="vector", task="feature-extraction", vector=numbers)


def recorded(answer: Answer, dtype: str = "float32", torch: str = "2.13.0") -> Recorded:
    return Recorded(
        entry="e", name="s", digest="d", commit="c" * 40, dtype=dtype, versions={"torch": torch}, answer=answer
    )


def reasons(expect: Expectation | None, answer: Answer | str, known: Recorded | None = None) -> tuple[str, ...]:
    sample = Sample(name="s", text="x", expect=expect)
    known_ones = {"s": known} if known is not None else {}
    outcome = judge([sample], [answer], known_ones, {"s": "d"}, HERE)[0]
    assert (outcome.verdict == "failed") == bool(outcome.reasons)
    return outcome.reasons


@pytest.mark.parametrize(
    ("expect", "answer"),
    [
        (Expectation(contains=("LIVE", "here")), text("no", "I live Here.")),
        (Expectation(equals=("I live.",)), text("no", " I live. ")),
        (Expectation(equals=("a", "b")), text("a", "b")),
        (Expectation(min_score=0.5), text("a")),
        (Expectation(label="tabby"), labels(("tabby, tabby cat", 0.6), ("dog", 0.4))),
        (Expectation(label="POSITIVE", min_score=0.9), labels(("positive", 0.95))),
        (Expectation(label="LOC"), labels(("PER", 0.9), ("LOC", 0.5), task="token-classification")),
        (Expectation(min_score=0.3), labels(("a", 0.4))),
    ],
)
def test_what_is_as_expected_passes(expect: Expectation, answer: Answer) -> None:
    assert reasons(expect, answer) == ()


@pytest.mark.parametrize(
    ("expect", "answer", "said"),
    [
        (Expectation(contains=("live",)), text("I live.", "no"), "does not contain 'live'"),
        (Expectation(equals=("I live",)), text("I live."), "it is 'I live.', and not 'I live'"),
        (Expectation(equals=("a", "b")), text("b"), "and not 'a / b'"),
        (Expectation(min_score=0.6), text("a"), "its score is 0.500, less than 0.6"),
        (Expectation(label="cat"), labels(("tabby cat", 0.6)), "and not 'cat'"),
        (Expectation(label="a", min_score=0.9), labels(("a", 0.8)), "less than 0.9"),
        (Expectation(label="a"), labels(), "it finds nothing"),
        (Expectation(label="a"), text("a"), "gives text, and no label"),
        (Expectation(label="LOC"), labels(("PER", 0.9), task="token-classification"), "without 'LOC'"),
        (Expectation(min_cosine=0.9), vector(*VECTOR), "no recorded answer to compare it with"),
        (Expectation(max_difference=0.1), vector(*VECTOR), "no recorded answer to compare it with"),
        (Expectation(nearest="t"), text("a"), "has no vector"),
        (Expectation(contains=("3",)), vector(1.0, 2.0, 3.0), "it gives vector, and no text"),
        (Expectation(equals=("3 numbers",)), vector(1.0, 2.0, 3.0), "it gives vector, and no text"),
        (Expectation(contains=("0.6",)), labels(("a", 0.6)), "does not contain '0.6'"),
        (Expectation(label="a"), labels(("a", math.nan), ("b", math.nan)), "no numbers"),
        (None, vector(math.nan, 1.0), "no numbers"),
        (None, "it broke", "it broke"),
    ],
)
def test_what_is_otherwise_fails_and_says_why(expect: Expectation | None, answer: Answer | str, said: str) -> None:
    assert said in " ".join(reasons(expect, answer))


def test_the_nearest_of_all_is_looked_for() -> None:
    cat = Sample(name="cat", text="x", expect=Expectation(nearest="kitten", min_cosine=0.9))
    others = [Sample(name=name, text="x") for name in ("kitten", "car")]
    near = [vector(1, 0), vector(0.9, 0.1), vector(0, 1)]
    outcomes = judge([cat, *others], near, {}, {}, HERE)
    assert [one.verdict for one in outcomes] == ["passed", "new", "new"]
    assert outcomes[0].nearest is not None
    assert outcomes[0].nearest[0] == "kitten"
    assert outcomes[0].nearest[1] == pytest.approx(0.99388, abs=1e-5)
    far = judge([cat, *others], [vector(1, 0), vector(0, 1), vector(0.9, 0.1)], {}, {}, HERE)
    assert "'car' is nearer" in far[0].reasons[0]
    wide = judge([cat, *others], [vector(1, 0), vector(0.5, 0.5), vector(0, 1)], {}, {}, HERE)
    assert "less than 0.9" in wide[0].reasons[0]
    broken = judge([cat, *others], [vector(math.nan, 0), vector(1, 0), vector(0, 1)], {}, {}, HERE)
    assert broken[0].verdict == "failed"


@pytest.mark.parametrize(
    ("dtype", "passes", "fails"), [("float32", 1e-6, 1e-2), ("float16", 1e-3, 5e-2), ("bfloat16", 1e-2, 2e-1)]
)
def test_vectors_may_differ_by_what_the_type_of_the_weights_gives(dtype: str, passes: float, fails: float) -> None:
    setting = replace(HERE, dtype=dtype)
    for step, is_good in ((passes, True), (fails, False)):
        now = vector(VECTOR[0], VECTOR[1] + step, VECTOR[2])
        assert (unlike(now, recorded(vector(*VECTOR), dtype), setting) == []) is is_good


@pytest.mark.parametrize(
    ("dtype", "passes", "fails"), [("float32", 2e-4, 1e-2), ("float16", 1e-2, 1e-1), ("bfloat16", 1e-1, 5e-1)]
)
def test_logits_may_differ_by_a_part_of_the_greatest(dtype: str, passes: float, fails: float) -> None:
    setting = replace(HERE, dtype=dtype)
    before = recorded(labels(("a", 0.6), numbers=(10.0, -5.0)), dtype)
    for step, is_good in ((passes, True), (fails, False)):
        now = labels(("a", 0.6), numbers=(10.0, -5.0 + step))
        assert (unlike(now, before, setting) == []) is is_good


def test_the_first_label_is_another_whatever_the_scores_say() -> None:
    before = recorded(labels(("a", 0.501), ("b", 0.499), numbers=(0.001, 0.0)))
    assert (
        "it is 'b', and was 'a' at ccccccc"
        in unlike(labels(("b", 0.5), ("a", 0.5), numbers=(0.0, 0.001)), before, HERE)[0]
    )


def test_a_greedy_text_is_the_same_word_for_word() -> None:
    first = ((5, 3.0), (6, 2.0))
    before = recorded(text("a b c", first=first))
    assert unlike(text("a b c", first=first), before, HERE) == []
    assert "it is 'a b d', and was 'a b c' at ccccccc" in unlike(text("a b d", first=first), before, HERE)[0]


def test_a_text_of_bfloat16_may_be_another_where_the_model_begins_alike() -> None:
    setting = replace(HERE, dtype="bfloat16")
    before = recorded(text("a b c", first=((5, 3.0), (6, 2.0))), "bfloat16")
    assert unlike(text("a b d", first=((5, 3.01), (6, 2.0))), before, setting) == []
    assert unlike(text("x y z", first=((9, 3.0), (7, 2.0))), before, setting) != []
    assert unlike(text("a b d", first=((5, 9.0), (6, 2.0))), before, setting) != []
    assert unlike(text("a b d"), before, setting) != [], "where nothing is known of the beginning, it differs"


def test_a_sampled_text_is_compared_where_torch_is_the_same() -> None:
    first = ((5, 3.0),)
    before = recorded(text("a", first=first, is_sampled=True), torch="2.13.0")
    other = text("b", first=first, is_sampled=True)
    assert unlike(other, before, HERE) != []
    assert unlike(other, before, Setting(dtype="float32", versions={"torch": "2.14.0"})) == []


def test_what_a_pipeline_gives_is_compared_number_by_number() -> None:
    def value(said: str) -> Answer:
        return Answer(kind="value", task="t", texts=(said,))

    before = recorded(value('{"a": [1.0, {"b": 20.0}], "c": "x"}'))
    assert unlike(value('{"a": [1.00001, {"b": 20.001}], "c": "x"}'), before, HERE) == []
    assert "at a[1].b: 21, was 20" in unlike(value('{"a": [1.0, {"b": 21.0}], "c": "x"}'), before, HERE)[0]
    assert "at c" in unlike(value('{"a": [1.0, {"b": 20.0}], "c": "y"}'), before, HERE)[0]
    assert unlike(value('{"a": [1.0], "c": "x"}'), before, HERE) != []


def test_an_answer_of_another_kind_is_none() -> None:
    assert unlike(text("a"), recorded(vector(*VECTOR)), HERE) == [f"it gives text, and gave vector at {'c' * 7}"]


def test_a_vector_that_is_no_number_is_like_nothing() -> None:
    assert unlike(vector(math.nan, 0.0, 0.5), recorded(vector(*VECTOR)), HERE) != []
    assert unlike(vector(1.0, 0.0), recorded(vector(*VECTOR)), HERE) != []
    assert unlike(vector(0.0, 0.0, 0.0), recorded(vector(*VECTOR)), HERE) != []
    assert math.isnan(cosine_of([0.0], [1.0]))


def test_an_expectation_and_a_recorded_answer_are_compared_together() -> None:
    known = recorded(vector(*VECTOR))
    assert reasons(Expectation(min_cosine=0.9), vector(1.0, 0.1, 0.5), known) == ()
    assert "less than 0.9" in reasons(Expectation(min_cosine=0.9), vector(0.0, 1.0, 0.0), known)[0]
    assert reasons(Expectation(max_difference=0.2), vector(1.0, 0.1, 0.5), known) == ()
    assert "more than 0.05" in reasons(Expectation(max_difference=0.05), vector(1.0, 0.1, 0.5), known)[0]


def test_what_is_stored_is_read_again(tmp_path: Any) -> None:
    stored = [
        replace(recorded(text('ä\n"b"', "c", first=((5, 3.25),), is_sampled=True)), name="one"),
        replace(recorded(labels(("a", 0.5), ("b", 0.25), numbers=(1.5, -2.0))), name="two"),
        replace(recorded(vector(*VECTOR)), name="three"),
        replace(recorded(Answer(kind="value", task="t", texts=('{"a": 1}',))), name="four", dtype=None),
    ]
    path = tmp_path / "prewarm.samples.toml"
    path.write_text(dump(stored), encoding="utf-8")
    found = {one.name: one for one in load(path)}
    for one in stored:
        answer = found[one.name].answer
        assert found[one.name].dtype == one.dtype
        assert (answer.kind, answer.texts, answer.labels) == (one.answer.kind, one.answer.texts, one.answer.labels)
        assert (answer.vector, answer.numbers, answer.first) == (
            one.answer.vector,
            one.answer.numbers,
            one.answer.first,
        )
        assert answer.is_sampled == one.answer.is_sampled
    assert dump(load(path)) == path.read_text(encoding="utf-8"), "the same text for the same answers"
    assert _unpacked(_packed([1.5, -2.0])) == [1.5, -2.0]


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"answers": []},
        {"answers": "a"},
        {"answers": [3]},
        {"answers": [{"kind": "text", "texts": [3]}]},
        {"answers": [{"kind": "other"}]},
        {"answers": [{"kind": "vector", "vector": ["a"]}]},
        {"answers": [{"kind": "labels", "labels": [["a"]]}]},
        {"answers": [{"kind": "labels", "labels": [["a", True]]}]},
        {"answers": [{"kind": "text", "texts": ["x" * (2 << 20)]}]},
        {"answers": [{"error": {"message": 3, "hint": ""}}]},
        {"answers": [{"error": {}}]},
    ],
)
def test_an_answer_that_is_none_is_refused(said: Any) -> None:
    with pytest.raises(ProofError) as raised:
        read_answers(said, 1)
    assert "no answers that can be read" in raised.value.message
