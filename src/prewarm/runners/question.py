"""What is asked of a model. Changes with what a question can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from prewarm.worker.refused import Refused


@dataclass(frozen=True, kw_only=True)
class Question:
    """One input; all of it None: whatever suits the model."""

    text: str | None = None
    text_pair: str | None = None
    chat: tuple[str, ...] = ()
    image: str | bytes | None = None
    """A file, or its content."""
    audio: str | bytes | None = None
    """As ``image``."""
    input: Mapping[str, Any] | None = None
    """Keywords of a pipeline, or of what was loaded."""
    task: str | None = None
    """What the model is to do; None: what its class does."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Which parts it has: questions of the same parts are computed together."""
        names = ("input", "chat", "image", "audio", "text", "text_pair")
        return tuple(name for name in names if getattr(self, name) not in (None, ()))

    @property
    def kind(self) -> str:
        """The part that decides what answers it."""
        return next(iter(self.parts), "any")


@dataclass(frozen=True, kw_only=True)
class Keys:
    """How texts are generated."""

    generation: Mapping[str, Any] = field(default_factory=dict)
    """Keywords of ``generate``."""
    seed: int | None = None
    most_together: int = 8
    """Questions that are computed at once."""


def read_question(table: Any) -> Question:
    """A question from a table with the keys of a sample; images and sounds as files, or as bytes.

    Raises:
        ValueError: it is none.
    """
    names = ("text", "text_pair", "chat", "image", "audio", "input")
    if not isinstance(table, Mapping) or not table or not set(table) <= set(names):
        raise ValueError(f"a question has some of {', '.join(names)}")
    for name in ("text", "text_pair"):
        if name in table and not (isinstance(table[name], str) and table[name].strip()):
            raise ValueError(f"{name} is a text with something in it")
    for name in ("image", "audio"):
        if name in table and not (isinstance(table[name], (str, bytes)) and table[name]):
            raise ValueError(f"{name} is a file, or its content")
    chat = table.get("chat", ())
    is_talk = isinstance(chat, (list, tuple)) and all(isinstance(one, str) and one.strip() for one in chat)
    if "chat" in table and not (is_talk and chat):
        raise ValueError("chat is a list of questions")
    if "input" in table and not (isinstance(table["input"], Mapping) and table["input"]):
        raise ValueError("input is a table of keywords")
    return Question(**{**table, "chat": tuple(chat)})


def cannot(message: str, hint: str = "") -> Refused:
    """A question that this model has no answer to."""
    return Refused("load-error", message, hint)
