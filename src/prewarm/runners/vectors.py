"""Answers that are vectors: of texts, images and sounds. Changes with how a model's vector is taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prewarm.runners.labels import by_length, heard, pictured, sounding
from prewarm.runners.question import Question, cannot
from prewarm.runners.tasks import is_sentence_transformer
from prewarm.worker.loaded import Loaded


def of_texts(loaded: Loaded, questions: Sequence[Question]) -> list[dict[str, Any]]:
    """A vector of each text: the model's own, or the mean of its tokens'."""
    if any(question.text is None for question in questions):
        raise cannot(f"{type(loaded.model).__name__} reads texts", 'text = "…"')
    if is_sentence_transformer(loaded.model):
        return [_told(loaded.model.encode([one.text], show_progress_bar=False))[0] for one in questions]

    def answers(inputs: dict[str, Any]) -> list[dict[str, Any]]:
        if hasattr(loaded.model, "get_text_features"):
            return _told(_features(loaded.model.get_text_features(**inputs)))
        hidden = _reader(loaded.model)(**inputs)[0].float()
        # Some classes give the vector itself.
        return _told(hidden if hidden.ndim == 2 else hidden.mean(1))

    return by_length(loaded, questions, answers)


def of_pictures(loaded: Loaded, questions: Sequence[Question]) -> list[dict[str, Any]]:
    """A vector of each picture: the model's own, or the mean of its parts'."""
    inputs = pictured(loaded, questions)
    if hasattr(loaded.model, "get_image_features"):
        return _told(_features(loaded.model.get_image_features(**inputs)))
    hidden = loaded.model(**inputs)[0].float()
    return _told(hidden.flatten(2).mean(2) if hidden.ndim == 4 else hidden.mean(1) if hidden.ndim == 3 else hidden)


def of_sounds(loaded: Loaded, questions: Sequence[Question]) -> list[dict[str, Any]]:
    """The mean of each sound's frames."""
    reads = _reader(loaded.model)
    found = []
    for question in questions:
        found += _told(reads(**sounding(loaded, heard(loaded, question)))[0].float().mean(1))
    return found


def likeness(loaded: Loaded, questions: Sequence[Question]) -> list[dict[str, Any]]:
    """The cosine of each picture and its text."""
    import torch

    seen = torch.tensor([one["vector"] for one in of_pictures(loaded, questions)])
    read = torch.tensor([one["vector"] for one in of_texts(loaded, questions)])
    scores = torch.nn.functional.cosine_similarity(seen, read)
    return [
        {"kind": "labels", "labels": [[question.text, float(score)]], "numbers": [float(score)]}
        for question, score in zip(questions, scores, strict=True)
    ]


def _reader(model: Any) -> Any:
    """The part of a model that reads, without the one that writes."""
    return model.get_encoder() if getattr(model.config, "is_encoder_decoder", False) else model


def _features(found: Any) -> Any:
    return found if not hasattr(found, "pooler_output") else found.pooler_output


def _told(vectors: Any) -> list[dict[str, Any]]:
    return [{"kind": "vector", "vector": [float(one) for one in vector]} for vector in vectors]
