"""Answers of tiny models of every kind, beside those of transformers' own pipelines, of ``generate`` and ``encode``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

# The first test of a run makes what all of them look at.
pytestmark = pytest.mark.timeout(900)
NEAR = {"rel_tol": 1e-4, "abs_tol": 1e-5}
LABELS = (
    "text-classification",
    "text-classification-deberta",
    "text-classification-bart",
    "text-classification-left",
    "fill-mask",
    "image-classification",
    "image-classification-resnet",
    "audio-classification",
    "object-detection",
)
VECTORS = (
    "feature-extraction",
    "feature-extraction-mpnet",
    "feature-extraction-fnet",
    "feature-extraction-dpr",
    "embeddings-dense",
    "embeddings-cls",
    "embeddings-left",
    "embeddings-types",
    "embeddings-last",
)
WRITTEN = ("text-generation", "text-generation-llama", "text2text-generation", "text2text-generation-bart")


@pytest.fixture(scope="session")
def answers(asked: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((asked / "answers.json").read_text(encoding="utf-8"))
    return found


def is_near(one: Any, other: Any) -> bool:
    assert len(one) == len(other) > 0
    return all(math.isclose(x, y, **NEAR) for x, y in zip(one, other, strict=True))


@pytest.mark.parametrize("kind", LABELS)
def test_labels_and_scores_are_those_of_the_pipeline(answers: dict[str, Any], kind: str) -> None:
    found = answers[kind]
    assert len(found["answers"]) == len(found["expected"]) >= 2
    for answer, expected in zip(found["answers"], found["expected"], strict=True):
        assert answer["kind"] == "labels"
        assert [label for label, _ in answer["labels"]] == [label for label, _ in expected][:5]
        assert is_near([score for _, score in answer["labels"]], [score for _, score in expected][:5])


@pytest.mark.parametrize("kind", ["token-classification", "token-classification-begins"])
def test_words_and_their_labels_are_those_of_the_pipeline(answers: dict[str, Any], kind: str) -> None:
    found = answers[kind]
    texts = ["w5 w6 w7", "w8", " ".join(f"w{at}" for at in range(20, 60)), "w90 unknown w91 w92 w93"]
    for text, answer, expected in zip(texts, found["answers"], found["expected"], strict=True):
        assert answer["texts"] == ["; ".join(f"{text[start:end]}: {label}" for label, start, end in expected)]


def test_the_part_of_a_text_that_answers_is_the_best_of_all(answers: dict[str, Any]) -> None:
    found = answers["question-answering"]
    assert found["answers"][0]["texts"] == found["expected"]
    assert 0 < found["answers"][0]["confidence"][0] < 1


@pytest.mark.parametrize("kind", VECTORS)
def test_vectors_are_those_of_encode_or_the_mean_of_the_tokens(answers: dict[str, Any], kind: str) -> None:
    found = answers[kind]
    for answer, expected in zip(found["answers"], found["expected"], strict=True):
        assert answer["kind"] == "vector"
        assert is_near(answer["vector"], expected)


@pytest.mark.parametrize("kind", ["zero-shot-image-classification", "zero-shot-image-classification-siglip"])
def test_a_text_and_a_picture_have_vectors_and_a_likeness(answers: dict[str, Any], kind: str) -> None:
    text, picture, both = answers[kind]["answers"]
    wanted = answers[kind]["expected"]
    assert is_near(text["vector"], wanted[0])
    assert is_near(picture["vector"], wanted[1])
    assert both["labels"][0][0] == wanted[2][0][0]
    assert is_near([both["labels"][0][1]], [wanted[2][0][1]])


@pytest.mark.parametrize("kind", WRITTEN)
def test_texts_are_greedy_and_their_confidence_is_that_of_the_plain_logits(answers: dict[str, Any], kind: str) -> None:
    found = answers[kind]
    for answer, (text, confidence) in zip(found["answers"], found["expected"], strict=True):
        assert answer["texts"] == [text]
        assert math.isclose(answer["confidence"][0], confidence, rel_tol=1e-4)


@pytest.mark.parametrize("kind", ["automatic-speech-recognition", "automatic-speech-recognition-ctc"])
def test_speech_is_read_without_ffmpeg_at_any_rate_and_with_any_number_of_channels(
    answers: dict[str, Any], kind: str
) -> None:
    found = answers[kind]
    for answer, (text, confidence) in zip(found["answers"], found["expected"], strict=True):
        assert answer["texts"] == [text]
        assert text
        assert confidence is None or math.isclose(answer["confidence"][0], confidence, rel_tol=1e-4)


def test_captions_are_those_of_generate(answers: dict[str, Any]) -> None:
    found = answers["image-text-to-text"]
    assert [answer["texts"] for answer in found["answers"]] == [[text] for text in found["expected"]]


@pytest.mark.parametrize("kind", [*LABELS, *VECTORS, *WRITTEN, "token-classification"])
def test_a_question_has_the_same_answer_alone_and_among_others(answers: dict[str, Any], kind: str) -> None:
    for one, alone in zip(answers[kind]["answers"], answers[kind]["alone"], strict=True):
        assert one.get("texts") == alone.get("texts")
        assert [label for label, _ in one.get("labels", [])] == [label for label, _ in alone.get("labels", [])]
        numbers = one.get("vector") or one.get("numbers") or one.get("confidence")
        assert is_near(numbers, alone.get("vector") or alone.get("numbers") or alone.get("confidence"))


def test_a_conversation_is_joined_as_dialogpt_was_trained(answers: dict[str, Any]) -> None:
    found = answers["conversation"]
    assert len(set(found["expected"])) > 1, "each turn has an answer of its own, or the history would not matter"
    assert found["answers"][0]["texts"] == found["expected"]
    assert [one["texts"] for one in found["answers"]] == [one["texts"] for one in found["alone"]]
    assert [len(one["texts"]) for one in found["answers"]] == [3, 1, 2]
    assert all(0 < confidence < 1 for one in found["answers"] for confidence in one["confidence"])


def test_an_answer_ends_where_the_model_has_no_more_places(answers: dict[str, Any]) -> None:
    found = answers["conversation"]
    assert found["capped"]["tokens"] == 64 - len(["w5", "w6", "w7"]) - 2, "five tokens of the prompt, of 64 places"
    assert "72 tokens" in found["too long"]["error"]["message"]


def test_sampled_answers_are_the_same_with_a_seed_in_whatever_order(answers: dict[str, Any]) -> None:
    found = answers["sampling"]
    texts = {name: [one["texts"] for one in found[name]] for name in ("first", "again", "other", "unseeded", "greedy")}
    assert texts["first"] == texts["again"]
    assert texts["first"] != texts["other"]
    assert texts["first"] != texts["greedy"]
    assert all(one["is_sampled"] for one in found["first"])
    assert "without a seed" in found["unseeded"][0]["notes"][0]


def test_a_text_ends_where_generate_ended_it(answers: dict[str, Any]) -> None:
    found = answers["sampling"]
    assert [one["texts"] for one in found["ends"]] == [one["texts"] for one in found["ends alone"]]
    assert [one["tokens"] for one in found["ends"]] == [one["tokens"] for one in found["ends alone"]]
    assert min(one["tokens"] for one in found["ends"]) < 8
    for one, alone in zip(found["ends"], found["ends alone"], strict=True):
        assert math.isclose(one["confidence"][0], alone["confidence"][0], rel_tol=1e-4)


def test_a_repository_that_samples_is_told_of_and_answers_greedily(answers: dict[str, Any]) -> None:
    found = answers["sampling"]
    assert [one["texts"] for one in found["overridden"]] == [one["texts"] for one in found["greedy"]]
    assert "temperature 0.7" in found["overridden"][0]["notes"][0]
    assert found["greedy"][0]["notes"] == []


def test_confidence_is_that_of_the_model_whatever_picks_its_words(answers: dict[str, Any]) -> None:
    found = answers["sampling"]
    for one, greedy in zip(found["top"], found["greedy"], strict=True):
        # top_k = 1 leaves one token with a score of 1; the model was not as sure as that.
        assert one["texts"] == greedy["texts"]
        assert math.isclose(one["confidence"][0], greedy["confidence"][0], rel_tol=1e-4)
    for one, (text, confidence) in zip(found["beams"], found["beams expected"], strict=True):
        assert one["texts"] == [text]
        assert math.isclose(one["confidence"][0], confidence, rel_tol=1e-4)
