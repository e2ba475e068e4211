"""Globs over a repository's paths. Changes with huggingface_hub's ``allow_patterns``."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection


def matches_any(path: str, globs: Collection[str]) -> bool:
    """Whether one of ``globs`` matches.

    As huggingface_hub's allow_patterns: "*" crosses folders, and a pattern that ends in "/" means all below it.
    """
    return any(fnmatch.fnmatchcase(path, glob + "*" if glob.endswith("/") else glob) for glob in globs)


def that_match(paths: Collection[str], globs: Collection[str]) -> list[str]:
    """Those of ``globs`` that match something."""
    return [glob for glob in globs if any(matches_any(path, [glob]) for path in paths)]
