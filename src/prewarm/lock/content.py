"""The hash of a file's content. Changes with how files are read for it."""

from __future__ import annotations

import hashlib
from pathlib import Path

_PIECE_BYTES = 4 << 20


def sha256_of(path: Path) -> str:
    """The sha256 of a file's content, in hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    found = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            found.update(piece)
    return found.hexdigest()
