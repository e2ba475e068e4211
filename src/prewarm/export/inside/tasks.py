"""What a loaded model does, and which of it is exported. Changes when there is a new task."""

from __future__ import annotations

import re
from typing import Any, get_args

from prewarm.export.inside.sentences import is_one
from prewarm.records.export import ExportTask
from prewarm.worker.refused import Refused

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
    (("ForCTC",), "automatic-speech-recognition", "AutoModelForCTC"),
    (("ForSpeechSeq2Seq",), "automatic-speech-recognition", "AutoModelForSpeechSeq2Seq"),
    (("ForCausalLM", "LMHeadModel"), "text-generation", "AutoModelForCausalLM"),
)
"""Endings of classes, the task of each, and a class for who wants it."""
_OF_A_TASK = re.compile(r"For[A-Z]|With[A-Z]|LMHead|DoubleHeads")
_CLASSES = {task: name for _, task, name in _BY_ENDING} | {
    "text2text-generation": "AutoModelForSeq2SeqLM",
    "zero-shot-image-classification": "AutoModelForZeroShotImageClassification",
    "feature-extraction": "AutoModel",
}


def task_of(model: Any, wanted: str | None, said: str | None) -> ExportTask:
    """The task that is exported.

    Args:
        model: as it was loaded.
        wanted: what ``[advanced.export]`` names.
        said: the entry's own task.

    Raises:
        Refused: the class does not do it.
    """
    done = _done_by(model)
    if wanted is None or wanted == done:
        assert done in get_args(ExportTask)
        return done  # type: ignore[return-value] # looked at above
    other = _CLASSES.get(wanted, "")
    hint = f'task = "{done}"; or the class that does: model_class = "{other}"'
    if said:
        hint = f'task = "{done}"; or leave it out'
    raise Refused("export-error", f"{type(model).__name__} does {done}, and not {wanted}", hint)


def _done_by(model: Any) -> str:
    if is_one(model):
        return "feature-extraction"
    if hasattr(model, "get_image_features") and hasattr(model, "get_text_features"):
        return "zero-shot-image-classification"
    name = type(model).__name__
    for endings, task, _ in _BY_ENDING:
        if name.endswith(endings):
            return task
    is_both = bool(getattr(getattr(model, "config", None), "is_encoder_decoder", False))
    if is_both and name.endswith(("ForConditionalGeneration", "MTModel", "Seq2SeqLM")):
        hears = getattr(model, "main_input_name", "") in ("input_features", "input_values")
        return "automatic-speech-recognition" if hears else "text2text-generation"
    if not hasattr(model, "config") or not hasattr(model, "main_input_name"):
        raise Refused(
            "export-error",
            f"{name} is no model of transformers, and none of sentence-transformers: nobody knows what it does",
            'format = "files" gives its files as they are',
        )
    if _OF_A_TASK.search(name):
        known = ", ".join(get_args(ExportTask))
        raise Refused("export-error", f"{name} does what is not exported: {known} are", 'format = "files"')
    return "feature-extraction"
