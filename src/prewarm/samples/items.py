"""Prompt items, as annotation platforms send them, and the annotations that answer them. Changes with their form.

An item is ``{"prompts": {key: {question: {"mimetype", "value"}}}}``; the questions of a prompt are one conversation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prewarm.records.errors import CommandError
from prewarm.records.sample import Answer
from prewarm.records.text import has_half, strings_in

_TEXT = ("application/text", "text/plain", "text")
_EXAMPLE = '[{"prompts": {"1": {"q": {"mimetype": "application/text", "value": "Hi."}}}}]'


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """One conversation of an item."""

    item: int
    """From 0."""
    key: str
    questions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Items:
    """A batch of items."""

    count: int
    prompts: tuple[Prompt, ...]
    """Those that have a question of text."""
    ignored: tuple[str, ...]
    """What of the batch is no text, a phrase each."""

    @property
    def questions(self) -> list[dict[str, Any]]:
        """What the worker is asked."""
        return [{"chat": list(prompt.questions)} for prompt in self.prompts]

    def annotations(self, answers: Sequence[Answer | str], model: str) -> list[list[dict[str, Any]]]:
        """For each item a list of annotations: one for each question that was answered.

        Args:
            answers: to each prompt.
            model: its name, as the platform shows it.
        """
        found: list[list[dict[str, Any]]] = [[] for _ in range(self.count)]
        for prompt, answer in zip(self.prompts, answers, strict=True):
            if isinstance(answer, str):
                continue
            for at, text in enumerate(answer.texts):
                sure = answer.confidence[at] if at < len(answer.confidence) else None
                found[prompt.item].append(_annotation(text, prompt.key, model, sure))
        return found


def load_items(path: Path) -> Items:
    """The batch in a file.

    Raises:
        CommandError: it cannot be read, or holds no items.
    """
    try:
        return read_items(json.loads(path.read_bytes().decode("utf-8-sig")), path.name)
    except OSError as bad:
        raise CommandError(f"{path} cannot be read: {bad.strerror or bad}", hint=f"a file with {_EXAMPLE}") from None
    except (ValueError, RecursionError) as bad:
        raise CommandError(f"{path} is no JSON: {str(bad)[:200]}", hint=f"such as {_EXAMPLE}") from None


def read_items(content: Any, place: str = "items") -> Items:
    """A batch of items; one alone is a batch as well.

    Raises:
        CommandError: it holds something else.
    """
    if any(map(has_half, strings_in(content))):
        raise CommandError("a text with half a character", place=place, hint="texts that UTF-8 can say")
    batch = [content] if isinstance(content, dict) else content
    if not isinstance(batch, list):
        raise CommandError("no list of items", place=place, hint=_EXAMPLE)
    prompts: list[Prompt] = []
    ignored: list[str] = []
    for number, item in enumerate(batch):
        where = f"{place}[{number}]"
        table = item.get("prompts") if isinstance(item, Mapping) else None
        if not isinstance(table, Mapping):
            raise CommandError("an item without prompts", place=where, hint=_EXAMPLE)
        for key, asked in table.items():
            questions, others = _questions(asked, f"{where}.prompts.{key}")
            ignored += others
            if questions:
                prompts.append(Prompt(item=number, key=str(key), questions=questions))
    return Items(count=len(batch), prompts=tuple(prompts), ignored=tuple(ignored))


def _questions(asked: Any, place: str) -> tuple[tuple[str, ...], list[str]]:
    """The questions of text, in their order, and what else there is."""
    rows = list(asked.items()) if isinstance(asked, Mapping) else None
    if rows is None and isinstance(asked, list):
        rows = list(enumerate(asked))
    if rows is None:
        raise CommandError("a prompt is a table of questions", place=place, hint=_EXAMPLE)
    found, others = [], []
    for key, question in rows:
        where = f"{place}.{key}"
        kind = question.get("mimetype") if isinstance(question, Mapping) else None
        value = question.get("value") if isinstance(question, Mapping) else None
        if not isinstance(kind, str):
            raise CommandError("a question has a mimetype and a value", place=where, hint=_EXAMPLE)
        if kind not in _TEXT:
            others.append(f"{where}: {kind} is not answered, only text is")
        elif not isinstance(value, str) or not value.strip():
            raise CommandError("the question has no text", place=f"{where}.value", hint=_EXAMPLE)
        else:
            found.append(value)
    return tuple(found), others


def _annotation(text: str, key: str, model: str, confidence: float | None) -> dict[str, Any]:
    return {
        "type": "text",
        "label": "q",
        "coordinates": text,
        "metadata": {
            "system": {"promptId": key},
            "user": {"annotation_type": "prediction", "model": {"name": model, "confidence": confidence}},
        },
    }
