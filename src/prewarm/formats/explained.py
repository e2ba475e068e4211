"""What a kind of error means, as a page of a terminal. Changes with how such a page looks."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable

from prewarm.records.messages import Message

_WIDTH = 80


def lines(message: Message, paint: Callable[[str, str], str]) -> list[str]:
    """One page."""
    found = [paint(message.kind, "red"), *_wrapped(message.means, "  "), ""]
    for cause, cure in message.causes:
        found += _wrapped(cause, "  - ", "    ")
        found += _wrapped(cure, "    try: ", "         ")
    return [*found, "", *_wrapped(message.goes_on, "  ")]


def overview(messages: Iterable[Message]) -> list[str]:
    """A line for each kind."""
    found = list(messages)
    width = max(len(message.kind) for message in found) + 2
    said = []
    for message in found:
        first, *rest = _wrapped(message.means, "", width=_WIDTH - width)
        said += [f"{message.kind:<{width}}{first}", *(" " * width + line for line in rest)]
    return said


def _wrapped(text: str, start: str, then: str | None = None, *, width: int = _WIDTH) -> list[str]:
    said = text.replace("`", "")
    return textwrap.wrap(
        said, width, initial_indent=start, subsequent_indent=start if then is None else then, break_on_hyphens=False,
        break_long_words=False,
    )  # fmt: skip
