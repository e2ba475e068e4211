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
    if not text or len(text) > 255 or text == "@" or text.startswith(("/", "-", ".")) or text.endswith(("/", ".")):
        return False
    return _BAD_IN_REF.search(text) is None


def is_commit(text: str) -> bool:
    """Whether ``text`` is a whole commit id: 40 hexadecimal digits."""
    return _COMMIT.fullmatch(text) is not None


def is_sha256(text: str) -> bool:
    """Whether ``text`` is a sha256: 64 hexadecimal digits."""
    return _HEX64.fullmatch(text) is not None


def is_path(text: str) -> bool:
    """Whether ``text`` is a path inside of a repository: relative, forward, and nowhere upwards."""
    if not text or "\\" in text or "\0" in text or _DRIVE.match(text):
        return False
    return all(part not in ("", ".", "..") for part in text.split("/"))
