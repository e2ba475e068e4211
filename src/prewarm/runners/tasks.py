"""What a loaded model does, by its class. Changes when there is a new task."""

from __future__ import annotations

import contextlib
import inspect
import re
from typing import Any

_BY_ENDING: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("ForSequenceClassification",), "text-classification", "AutoModelForSequenceClassification"),
    (("ForTokenClassification",), "token-classification", "AutoModelForTokenClassification"),
    (("ForQuestionAnswering",), "question-answering", "AutoModelForQuestionAnswering"),
    (("ForMaskedLM",), "fill-mask", "AutoModelForMaskedLM"),
    (
        ("ForImageClassification", "ForImageClassificationWithTeacher"),
        "image-classification",
        "AutoModelForImageClassification",
    ),
    (("ForObjectDetection",), "object-detection", "AutoModelForObjectDetection"),
    (("ForAudioClassification",), "audio-classification", "AutoModelForAudioClassification"),
    (("ForCTC",), "automatic-speech-recognition", "AutoModelForCTC"),
    (("ForSpeechSeq2Seq",), "automatic-speech-recognition", "AutoModelForSpeechSeq2Seq"),
    (("ForCausalLM", "LMHeadModel"), "text-generation", "AutoModelForCausalLM"),
)
"""Endings of classes, the task of each, and a class for who wants it."""
_OF_A_TASK = re.compile(r"For[A-Z]|With[A-Z]|LMHead|DoubleHeads")
CLASSES = {task: name for _, task, name in _BY_ENDING} | {
    "text2text-generation": "AutoModelForSeq2SeqLM",
    "image-text-to-text": "AutoModelForImageTextToText",
    "zero-shot-image-classification": "AutoModelForZeroShotImageClassification",
    "feature-extraction": "AutoModel",
}
"""A class for each task."""
WRITES = ("text-generation", "text2text-generation")
"""Tasks that write texts."""
_SENSES = {"pixel_values": "image", "input_values": "audio", "input_features": "audio"}
_GENERATORS = ("ForConditionalGeneration", "MTModel", "Seq2SeqLM", "EncoderDecoderModel")


def is_sentence_transformer(model: Any) -> bool:
    """Whether it is a model of sentence-transformers, which may be derived from."""
    return any(kind.__name__ == "SentenceTransformer" for kind in type(model).__mro__)


def done_by(model: Any) -> str | None:
    """The task of a model's class; None: it is of none that is known."""
    if is_sentence_transformer(model):
        return "feature-extraction"
    if hasattr(model, "get_image_features") and hasattr(model, "get_text_features"):
        return "zero-shot-image-classification"
    name = type(model).__name__
    sees = "pixel_values" in _inputs_of(model)
    hears = sense_of(model) == "audio"
    for endings, task, _ in _BY_ENDING:
        if name.endswith(endings):
            if task == "text-classification" and hears:
                return "audio-classification"
            return "image-text-to-text" if task == "text-generation" and sees else task
    if name.endswith(_GENERATORS):
        if hears:
            return "automatic-speech-recognition"
        if sees:
            return "image-text-to-text"
        return "text2text-generation" if bool(getattr(model.config, "is_encoder_decoder", False)) else "text-generation"
    if not hasattr(model, "config") or not hasattr(model, "main_input_name") or _OF_A_TASK.search(name):
        return None
    return "feature-extraction"


def sense_of(model: Any) -> str:
    """What a model's main input is: ``text``, ``image`` or ``audio``."""
    return _SENSES.get(str(getattr(model, "main_input_name", "")), "text")


def _inputs_of(model: Any) -> tuple[str, ...]:
    """The main input, and what else a class that sees and reads takes."""
    names: tuple[str, ...] = ()
    with contextlib.suppress(AttributeError, TypeError, ValueError):
        names = tuple(inspect.signature(model.forward).parameters)
    return (str(getattr(model, "main_input_name", "")), *names)
