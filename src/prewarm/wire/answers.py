"""What an answer of the Hub is made of. Standard library only."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Content(Protocol):
    """What is read when it is sent, and can be asked for by ranges."""

    @property
    def size(self) -> int:
        """Bytes."""

    def read(self, start: int, length: int) -> bytes:
        """``length`` bytes from ``start``."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A status, headers, and bytes or a file."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Content = b""
    fault_path: str | None = None
    """The path that faults go by, where it is not the request's own."""


def api_error(status: int, message: str, *, code: str = "", headers: Mapping[str, str] | None = None) -> Answer:
    """An error in the Hub's form."""
    sent = {"Content-Type": "application/json; charset=utf-8", "X-Error-Message": message, **(headers or {})}
    if code:
        sent["X-Error-Code"] = code
    return Answer(status=status, headers=sent, body=json.dumps({"error": message}).encode())


def json_answer(content: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """A good answer with a JSON body."""
    return Answer(
        status=200,
        headers={"Content-Type": "application/json; charset=utf-8", **(headers or {})},
        body=json.dumps(content).encode(),
    )


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """The start and the end (exclusive) of a ``Range`` header with one range, or None where it cannot be had."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header.strip())
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        return (max(0, size - int(last)), size) if int(last) else None
    start, end = int(first), min(size, int(last) + 1 if last else size)
    return (start, end) if start < end else None
