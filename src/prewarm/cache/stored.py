"""Small tables that are kept as JSON, and may be lost. Changes with how they are kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def key_of(said: object) -> str:
    """What something with a name of any length, such as a path, is called in ``HF_HOME``."""
    return hashlib.sha256(str(said).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def read_table(path: Path) -> dict[str, Any]:
    """What is kept there; empty, whatever is wrong with it: what it says is found out once more."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        said = json.loads(path.read_bytes())
        if isinstance(said, dict):
            return said
    return {}


def write_table(path: Path, content: Mapping[str, Any]) -> None:
    """Keep it; without a word where that cannot be written."""
    from prewarm.cache.place import write_text

    with contextlib.suppress(OSError):
        write_text(path, json.dumps(content))
