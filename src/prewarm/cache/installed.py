"""Which versions of packages are installed here. Changes with how Python records installations.

The names of ``*.dist-info`` folders hold them (packaging.python.org, "Recording installed projects").
importlib.metadata gives the same, and takes longer to import than all the rest of a check.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache

_SUFFIXES = (".dist-info", ".egg-info")


def versions_of(names: Iterable[str]) -> dict[str, str | None]:
    """The installed version of each distribution; None where it is not installed."""
    found = _installed(tuple(sys.path))
    return {name: found.get(_normal(name)) for name in names}


@lru_cache(maxsize=2)
def _installed(folders: tuple[str, ...]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for folder in folders:
        try:
            names = os.listdir(folder or os.curdir)  # noqa: PTH208 (a pathlib object each is what takes long)
        except OSError:
            continue
        for name in names:
            stem, dot, ending = name.rpartition(".")
            if dot + ending in _SUFFIXES and "-" in stem:
                package, version = stem.split("-")[:2]
                # The first folder that has it is the one that is imported.
                found.setdefault(_normal(package), version)
    return found


def _normal(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")
