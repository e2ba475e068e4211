"""The pipeline that an entry names is the one that answers, and is called with what it takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prewarm.demo.models import word_tokenizer
from prewarm.runners import Keys, ask, read_question
from prewarm.worker.loaded import Loaded

pytestmark = [pytest.mark.models, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """A classifier of premises and hypotheses, as the pipeline of zero-shot classification wants one."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification, pipeline

    folder: Path = tmp_path_factory.mktemp("judge")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=305, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, num_labels=3,
        id2label={0: "contradiction", 1: "neutral", 2: "entailment"},
        label2id={"contradiction": 0, "neutral": 1, "entailment": 2},
    )  # fmt: skip
    model = BertForSequenceClassification(config).eval()
    word_tokenizer(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    made: Any = pipeline("zero-shot-classification", model=model, tokenizer=tokenizer)
    return Loaded(model=model, processor=tokenizer, pipeline=made)


def test_one_that_takes_more_than_a_text_is_not_passed_over(judge: Loaded) -> None:
    (answer,) = ask(judge, [read_question({"text": "word1"})], Keys())
    assert "the pipeline of zero-shot-classification takes more than a text" in answer["error"]["message"]
    assert "candidate_labels" in answer["error"]["hint"]


def test_its_keywords_are_those_of_the_pipeline(judge: Loaded) -> None:
    asked = {"sequences": "word1", "candidate_labels": ["word2", "word3"]}
    (answer,) = ask(judge, [read_question({"input": asked})], Keys())
    expected = judge.pipeline(**asked)
    assert [label for label, _ in answer["labels"]] == expected["labels"]
    assert [score for _, score in answer["labels"]] == pytest.approx(expected["scores"])


def test_a_case_that_names_its_task_gets_that(judge: Loaded) -> None:
    (answer,) = ask(judge, [replace(read_question({"text": "word1"}), task="text-classification")], Keys())
    assert {label for label, _ in answer["labels"]} == {"contradiction", "neutral", "entailment"}
