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
    # A message may name what was asked for: no line ends, and nothing that a header cannot carry.
    line = "".join(one if " " <= one <= "~" else "?" for one in message)
    sent = {"Content-Type": "application/json; charset=utf-8", "X-Error-Message": line, **(headers or {})}
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


LEFT_OUT = "EntryLeftOut"
"""The ``X-Error-Code`` of a mirror, for a file that the repository has and the mirror has not."""
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def _one_range(header: str) -> tuple[str, str] | None:
    """The first and the last byte of a ``Range`` header with one range, either of which may be empty."""
    match = _RANGE.fullmatch(header.strip())
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    return None if first and last and int(first) > int(last) else (first, last)


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """The start and the end (exclusive) of a ``Range`` header with one range, or None where it cannot be had."""
    named = _one_range(header)
    if named is None:
        return None
    first, last = named
    if not first:
        return (max(0, size - int(last)), size) if int(last) else None
    start, end = int(first), min(size, int(last) + 1 if last else size)
    return (start, end) if start < end else None


def part(answer: Answer, wanted: str | None) -> tuple[int, dict[str, str], int, int]:
    """What is sent of an answer: status, headers, and the first byte and the one after the last of its body.

    Args:
        answer: the whole.
        wanted: the ``Range`` that was asked for.
    """
    headers = dict(answer.headers)
    if isinstance(answer.body, bytes):
        return answer.status, headers, 0, len(answer.body)
    size = answer.body.size
    headers["Accept-Ranges"] = "bytes"
    if wanted is None or answer.status != 200 or _one_range(wanted) is None:
        # RFC 9110 lets a server ignore what is not one range of bytes.
        return answer.status, headers, 0, size
    chosen = parse_range(wanted, size)
    if chosen is None:
        return 416, {**headers, "Content-Range": f"bytes */{size}"}, 0, 0
    start, end = chosen
    return 206, {**headers, "Content-Range": f"bytes {start}-{end - 1}/{size}"}, start, end
