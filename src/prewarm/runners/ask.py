"""Questions to a model that is loaded. Changes with which function answers what.

Questions of one kind are computed together; where one of them cannot be, each stands alone, and has its own error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from prewarm.runners import generation, labels, others, seen_and_heard, vectors
from prewarm.runners.question import Keys, Question, cannot
from prewarm.runners.tasks import CLASSES, WRITES, done_by, sense_of
from prewarm.worker.loaded import Loaded
from prewarm.worker.refused import Refused

Answering = Callable[[Loaded, Sequence[Question], Keys], list[dict[str, Any]]]
_USUAL_TEXT = "The quick brown fox jumps over the lazy dog."
_SEES = ("image-classification", "object-detection", "image-text-to-text")
_HEARS = ("audio-classification", "automatic-speech-recognition")
_WRITER = 'a class that writes texts: model_class = "AutoModelForCausalLM"'
_KEYWORDS = {
    "zero-shot-classification": 'input = { sequences = "…", candidate_labels = ["…", "…"] }',
    "zero-shot-object-detection": 'input = { image = "FILE", candidate_labels = ["…", "…"] }',
    "zero-shot-audio-classification": 'input = { audios = "FILE", candidate_labels = ["…", "…"] }',
    "table-question-answering": 'input = { table = { column = ["…"] }, query = "…" }',
    "document-question-answering": 'input = { image = "FILE", question = "…" }',
}
"""Pipelines that one text, picture or sound is not enough for, and what they are called with."""


def ask(loaded: Loaded, questions: Sequence[Question], keys: Keys) -> list[dict[str, Any]]:
    """The answer to each question, in their order.

    Args:
        loaded: the model and what prepares its inputs.
        questions: any of them.
        keys: how texts are generated.

    Returns:
        Tables with ``kind``, ``task``, ``elapsed_s`` and what the kind has; or with ``error``.
    """
    done = done_by(loaded.model) if loaded.model is not None else None
    groups: dict[tuple[str, ...], list[int]] = {}
    for at, question in enumerate(questions):
        groups.setdefault((*question.parts, question.task or ""), []).append(at)
    found: dict[int, dict[str, Any]] = {}
    for places in groups.values():
        for start in range(0, len(places), keys.most_together):
            part = places[start : start + keys.most_together]
            found.update(zip(part, _answers(loaded, [questions[at] for at in part], keys, done), strict=True))
    return [found[at] for at in range(len(questions))]


def _answers(loaded: Loaded, questions: Sequence[Question], keys: Keys, done: str | None) -> list[dict[str, Any]]:
    import torch

    began = time.perf_counter()
    try:
        with torch.no_grad():
            task, answering = _way(loaded, questions[0], done)
            asked = [_usual(question, task) for question in questions]
            found = answering(loaded, asked, keys)
    except Exception as error:
        if len(questions) > 1:
            return [one for question in questions for one in _answers(loaded, [question], keys, done)]
        return [{"error": _said(error), "task": questions[0].task or done, "elapsed_s": time.perf_counter() - began}]
    elapsed_s = (time.perf_counter() - began) / len(questions)
    return [{**one, "task": task, "elapsed_s": elapsed_s} for one in found]


def _way(loaded: Loaded, question: Question, done: str | None) -> tuple[str, Answering]:
    """The task that a question asks for, and what answers it.

    Raises:
        Refused: the model does not do that.
    """
    if question.kind == "input":
        named = str(getattr(loaded.pipeline, "task", "") or done or type(loaded.model).__name__)
        return named, _each(others.called)
    piped = str(getattr(loaded.pipeline, "task", ""))
    if done is None or (question.task is None and _is_another(piped, done)):
        if piped in _KEYWORDS:
            raise cannot(f"the pipeline of {piped} takes more than a {question.kind}", _KEYWORDS[piped])
        return piped or type(loaded.model).__name__, _each(others.piped)
    task = question.task or done
    if task not in _WAYS or (task != done and not _does_too(loaded.model, task)):
        hint = f'task = "{done}"' + (f'; or model_class = "{CLASSES[task]}"' if task in CLASSES else "")
        raise cannot(f"{type(loaded.model).__name__} does {done}, and not {task}", hint)
    if done == "zero-shot-image-classification":
        return task, _both(question)
    if task == "feature-extraction":
        return task, _vectors(loaded, question)
    if question.chat and task not in WRITES:
        raise cannot(f"{type(loaded.model).__name__} holds no conversations: it does {task}", _WRITER)
    takes = "image" if task in _SEES else "audio" if task in _HEARS else "text"
    given = "text" if question.kind == "chat" else question.kind
    if given not in (takes, "any") and not (task == "image-text-to-text" and given == "text"):
        raise cannot(f"{type(loaded.model).__name__} does {task}, and takes no {given}", f'{takes} = "…"')
    return task, generation.conversations if question.chat else _WAYS[task]


def _is_another(piped: str, done: str) -> bool:
    """Whether the pipeline that the entry names does something else than the model's class by itself."""
    return bool(piped) and piped != done and not piped.endswith(done) and piped != "any-to-any"


def _does_too(model: Any, task: str) -> bool:
    """Whether a class does more than its first task: what has hidden states has vectors."""
    return task == "feature-extraction" and hasattr(model, "config")


def _vectors(loaded: Loaded, question: Question) -> Answering:
    kind = sense_of(loaded.model) if question.kind == "any" else question.kind
    if kind == "image":
        return lambda loaded, questions, _: vectors.of_pictures(loaded, questions)
    if kind == "audio":
        return lambda loaded, questions, _: vectors.of_sounds(loaded, questions)
    if kind == "chat":
        raise cannot(f"{type(loaded.model).__name__} holds no conversations", _WRITER)
    return lambda loaded, questions, _: vectors.of_texts(loaded, questions)


def _both(question: Question) -> Answering:
    if question.image is not None and question.text is not None:
        return lambda loaded, questions, _: vectors.likeness(loaded, questions)
    if question.kind in ("image", "any"):
        return lambda loaded, questions, _: vectors.of_pictures(loaded, questions)
    if question.kind != "text":
        raise cannot("it compares pictures and texts", 'image = "…", text = "…", or both')
    return lambda loaded, questions, _: vectors.of_texts(loaded, questions)


def _usual(question: Question, task: str) -> Question:
    """A question, where nothing was asked."""
    if question.kind != "any":
        return question
    if task == "fill-mask":
        return Question(text="The quick brown [MASK] jumps over the lazy dog.")
    if task == "question-answering":
        return Question(text="What jumps over the dog?", text_pair=_USUAL_TEXT)
    if task in _SEES or task in _HEARS:
        return question
    return Question(text=_USUAL_TEXT)


def _each(answer: Callable[[Loaded, Question], dict[str, Any]]) -> Answering:
    return lambda loaded, questions, _: [answer(loaded, question) for question in questions]


def _said(error: Exception) -> dict[str, str]:
    if isinstance(error, Refused):
        return {"message": error.message, "hint": error.hint}
    said = " ".join(str(error).split())[:500]
    return {"message": f"{type(error).__name__}: {said}" if said else type(error).__name__, "hint": ""}


def _plain(answer: Callable[[Loaded, Sequence[Question]], list[dict[str, Any]]]) -> Answering:
    return lambda loaded, questions, _: answer(loaded, questions)


_WAYS: dict[str, Answering] = {
    "text-classification": _plain(labels.texts),
    "token-classification": _plain(labels.words),
    "question-answering": _plain(labels.spans),
    "fill-mask": _plain(labels.masked),
    "image-classification": _plain(labels.pictures),
    "audio-classification": _plain(labels.sounds),
    "object-detection": _plain(labels.objects),
    "zero-shot-image-classification": _plain(vectors.of_pictures),
    "feature-extraction": _plain(vectors.of_texts),
    "text-generation": generation.texts,
    "text2text-generation": generation.texts,
    "image-text-to-text": seen_and_heard.captions,
    "automatic-speech-recognition": seen_and_heard.speech,
}
