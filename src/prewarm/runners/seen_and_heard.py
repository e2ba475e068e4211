"""Texts of what is seen and heard: captions, answers about pictures, speech. Changes with these tasks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from prewarm.runners.generation import generated, settings_of, templated, told_of
from prewarm.runners.labels import heard, opened, sounding
from prewarm.runners.parts import images_of, placed, rate_of, sounds_of, tokenizer_of
from prewarm.runners.question import Keys, Question
from prewarm.worker.loaded import Loaded


def captions(loaded: Loaded, questions: Sequence[Question], keys: Keys) -> list[dict[str, Any]]:
    """What the model writes of each picture, and the text beside it."""
    settings, found = settings_of(loaded.model, keys), []
    for question, image in zip(questions, opened(questions), strict=True):
        inputs = placed(_prepared(loaded, question, image), loaded.model)
        ids = inputs.get("input_ids")
        is_both = bool(loaded.model.config.is_encoder_decoder)
        width = 0 if ids is None or is_both else int(ids.shape[1])
        found.append(told_of(generated(loaded, inputs, settings, width=width), settings))
    return found


def speech(loaded: Loaded, questions: Sequence[Question], keys: Keys) -> list[dict[str, Any]]:
    """What is said in each sound."""
    return [_transcript(loaded, question, keys) for question in questions]


def _prepared(loaded: Loaded, question: Question, image: Any) -> Any:
    if not hasattr(loaded.processor, "image_processor"):
        return images_of(loaded)(images=[image], return_tensors="pt")
    if getattr(loaded.processor, "chat_template", None):
        parts = [{"type": "image"}, {"type": "text", "text": question.text or "What is in this picture?"}]
        text = templated(loaded, [{"role": "user", "content": parts}])
        return loaded.processor(images=[image], text=[text], return_tensors="pt")
    given = {"text": [question.text]} if question.text else {}
    return loaded.processor(images=[image], **given, return_tensors="pt")


def _transcript(loaded: Loaded, question: Question, keys: Keys) -> dict[str, Any]:
    import torch

    rate, wave = rate_of(loaded), heard(loaded, question)
    extractor = sounds_of(loaded)
    inputs = sounding(loaded, wave)
    limit_s = getattr(extractor, "chunk_length", None)
    notes = [f"only the first {limit_s} s are heard"] if limit_s and len(wave) > limit_s * rate else []
    if not type(loaded.model).__name__.endswith("ForCTC"):
        settings = settings_of(loaded.model, keys)
        told = told_of(generated(loaded, inputs, settings, width=0), settings)
        return {**told, "notes": [*told["notes"], *notes]}
    tokenizer = tokenizer_of(loaded)
    logits = loaded.model(**inputs).logits[0].float()
    best = torch.log_softmax(logits, -1).max(-1)
    text = tokenizer.decode(best.indices)
    return {
        "kind": "text",
        "texts": [str(text)],
        "confidence": [math.exp(float(best.values.mean()))],
        "tokens": len(best.indices),
        "notes": notes,
    }
