"""What may be a repository id, a revision, a path, a commit. Changes when the Hub's grammar does.

Ids, revisions and paths become names in the cache, so that one with ``..`` would be written outside of it; what the
Hub or a mirror answers is checked like what the user wrote.
"""

from __future__ import annotations

import re

_REPO_ID = re.compile(r"(?:[A-Za-z0-9_][\w.-]*/)?[A-Za-z0-9_][\w.-]*", re.ASCII)
_REPO_ID_MAX = 96
_BAD_IN_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_HEX64 = re.compile(r"[0-9a-f]{64}")
NAME_MAX_BYTES = 255
PATH_MAX_BYTES = 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DRIVE = re.compile(r"[A-Za-z]:")


def is_repo_id(text: str) -> bool:
    """Whether ``text`` is ``name`` or ``namespace/name`` by the rules of huggingface_hub's ``validate_repo_id``."""
    if not _REPO_ID.fullmatch(text) or len(text) > _REPO_ID_MAX:
        return False
    if "--" in text or ".." in text or text.endswith(".git"):
        return False
    return not any(part.endswith(("-", ".")) for part in text.split("/"))


def is_revision(text: str) -> bool:
    """Whether ``text`` can be a branch, a tag or a commit (git-check-ref-format)."""
    if (
        not text
        or len(text) > NAME_MAX_BYTES
        or not _is_short(text)
        or text == "@"
        or text.startswith(("/", "-", "."))
        or text.endswith(("/", "."))
    ):
        return False
    return _BAD_IN_REF.search(text) is None


def _is_short(text: str) -> bool:
    return all(_bytes(part) <= NAME_MAX_BYTES for part in text.split("/")) and _bytes(text) <= PATH_MAX_BYTES


def _bytes(text: str) -> int:
    """Bytes of a name; 0 where it is no text that could be written."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return 0


def is_commit(text: str) -> bool:
    """Whether ``text`` is a whole commit id: 40 hexadecimal digits."""
    return _COMMIT.fullmatch(text) is not None


def is_sha256(text: str) -> bool:
    """Whether ``text`` is a sha256: 64 hexadecimal digits."""
    return _HEX64.fullmatch(text) is not None


def is_inside(text: str) -> bool:
    """Whether ``text`` can be a path of a repository at all: what git cannot hold is meant to lead out of it."""
    return bool(text) and "\0" not in text and all(part not in ("", ".", "..", ".git") for part in text.split("/"))


def is_storable(text: str) -> bool:
    """Whether a file of a repository can have that name on every disk; control characters are none of a name."""
    if _CONTROL.search(text) or "\\" in text or _DRIVE.match(text):
        return False
    # File systems count bytes, not characters.
    parts = [_bytes(part) for part in text.split("/")]
    return all(0 < size <= NAME_MAX_BYTES for size in parts) and sum(parts) + len(parts) <= PATH_MAX_BYTES


def is_path(text: str) -> bool:
    """Whether ``text`` is a path inside of a repository, which a file of it can have on a disk."""
    return is_inside(text) and is_storable(text)
