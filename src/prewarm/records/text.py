"""Other people's words, fit for a terminal and a log. Changes with what must not get there.

Messages name files of repositories, and pass on what servers and models say: none of it may move a cursor, hide a
line, or carry a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_SHOWN = 500
_CREDENTIALS = re.compile(r"(?<=://)[^/\s?#]+@")
_TOKEN = re.compile(r"\b(hf_|api_org_)[A-Za-z0-9]{8,}|(?i:\b(bearer|basic)) [\w.~+/=-]{8,}")


def harmless(text: str) -> str:
    """One line: no character that a terminal obeys, or that would be shown out of its order."""
    return "".join(one if one.isprintable() else " " if one in "\n\r\t" else "\ufffd" for one in text)


def harmless_lines(text: str) -> str:
    """As ``harmless``, with the line breaks and tabs of a text of several lines."""
    return "".join(one if one.isprintable() or one in "\n\t" else "\ufffd" for one in text)


def json_document(content: Mapping[str, Any]) -> str:
    """A table as JSON, with everything escaped that a terminal would obey or show out of order."""
    said = json.dumps(content, indent=2, ensure_ascii=False)
    return "".join(one if one.isprintable() or one == "\n" else _escape(one) for one in said)


def _escape(one: str) -> str:
    encoded = one.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{encoded[at]:02x}{encoded[at + 1]:02x}" for at in range(0, len(encoded), 2))


def without_credentials(text: str) -> str:
    """``text`` without the ``user:pass@`` of the addresses in it; a password may have an ``@`` of its own."""
    return _CREDENTIALS.sub("", text)


def without_secrets(text: str) -> str:
    """``text`` without credentials of addresses (``user:pass@``) and without tokens."""
    return _TOKEN.sub("…", without_credentials(text))


def quoted(text: object, most: int = _SHOWN) -> str:
    """What somebody else says, in a message: one line, not too long, without secrets."""
    said = without_secrets(" ".join(harmless(str(text)).split()))
    return said if len(said) <= most else f"{said[: most - 1]}…"


def has_half(text: str) -> bool:
    """Whether it has half a character, which UTF-8 cannot say."""
    return any(0xD800 <= ord(one) <= 0xDFFF for one in text)


def strings_in(value: object) -> Iterator[str]:
    """Every string of a value that is made of lists and tables."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(key, str):
                yield key
            yield from strings_in(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from strings_in(inner)
