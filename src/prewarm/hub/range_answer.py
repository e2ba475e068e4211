"""Whether an answer can be the range that was asked for. Changes with what mirrors and proxies answer instead."""

from __future__ import annotations

import re

from prewarm.hub.shares import Share
from prewarm.hub.storage import Answer
from prewarm.hub.transport_errors import Transient, origin_of
from prewarm.records.errors import HubError
from prewarm.records.listing import RepoFile

PROXY = "look at HTTPS_PROXY and HF_ENDPOINT: something between here and the Hub changes what it sends"
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


def refuses_ranges(answer: Answer, file: RepoFile, asked: Share) -> bool:
    """Whether the answer to a range says, one way or another, that this origin has none: 416, or a range of its own."""
    return answer.status == 416 or (answer.status == 206 and not _is_asked(answer, file, asked))


def _is_asked(answer: Answer, file: RepoFile, asked: Share) -> bool:
    match = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    return match is not None and int(match[1]) == asked.start and match[3] in ("*", str(file.size))


def start_of(answer: Answer, file: RepoFile, asked: Share) -> int:
    """The first byte that the answer gives: of the range, or of the file where the origin knows no ranges.

    Raises:
        Transient: it cannot be the file.
    """
    said = ""
    length = answer.headers.get("Content-Length")
    if "text/html" in answer.headers.get("Content-Type", "") and not file.path.endswith((".html", ".htm")):
        said = f"{file.path} is a web page: a proxy answers in the Hub's place"
    elif answer.status == 206:
        if _is_asked(answer, file, asked):
            return asked.start
        said = f"{origin_of(answer.url)} answers with another range than was asked for"
    elif length is not None and length != str(file.size) and "Content-Encoding" not in answer.headers:
        said = f"{file.path} has {length} bytes instead of {file.size}"
    if said:
        raise Transient(said, HubError("corrupt", said, hint=PROXY))
    return 0
