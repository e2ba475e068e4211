"""What is installed of what entries import, and of what that needs. Changes with how Python records packages."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from functools import lru_cache
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from prewarm.records.entry import Entry
from prewarm.records.lock import LockedEntry

OF_TRANSFORMERS = ("transformers", "torch", "safetensors", "tokenizers", "huggingface_hub")
"""Modules that every class of transformers brings in."""


def modules_of(entry: Entry, locked: LockedEntry | None, code: Collection[str]) -> frozenset[str]:
    """The modules that loading an entry imports, by the first part of their names.

    Args:
        entry: as the manifest has it.
        locked: its files; None: they are not known.
        code: what its own code imports.
    """
    found = {"huggingface_hub", *code}
    if entry.foreign_class:
        found.add(entry.package)
    if ":" in str(entry.processor_class):
        found.add(str(entry.processor_class).partition(":")[0].partition(".")[0])
    if not entry.foreign_class and (entry.loads_model or entry.loads_processor):
        found.update(OF_TRANSFORMERS)
    if locked is not None and any(file.path.endswith("adapter_config.json") for _, file in locked.files):
        found.add("peft")
    return frozenset(found - sys.stdlib_module_names)


def distributions(modules: Iterable[str]) -> dict[str, str]:
    """The installed packages that give ``modules``, with all that they need: name to version."""
    found: dict[str, str] = {}
    todo = [(name, frozenset[str]()) for module in modules for name in _packages().get(module, [module])]
    done: set[tuple[str, frozenset[str]]] = set()
    while todo:
        name, extras = todo.pop()
        if (key := (canonicalize_name(name), extras)) in done:
            continue
        done.add(key)
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            # What is not installed is not imported.
            continue
        found[canonicalize_name(name)] = package.version
        todo += [(needed.name, frozenset(needed.extras)) for needed in requirements(package, extras)]
    return dict(sorted(found.items()))


def public(version: str) -> str | None:
    """The version without its local part (``2.4.0+cpu``), which no advisory names; None where it is no version."""
    try:
        return Version(version).public
    except InvalidVersion:
        return None


def is_installed(module: str) -> bool:
    """Whether an installed package gives a module of that name."""
    return module in _packages()


@lru_cache(maxsize=1)
def _packages() -> dict[str, list[str]]:
    return dict(metadata.packages_distributions())


def requirements(package: metadata.Distribution, extras: Collection[str] = ()) -> list[Requirement]:
    """What an installed package needs here, by the markers of what it names."""
    found = []
    for text in package.requires or []:
        try:
            needed = Requirement(text)
        except InvalidRequirement:
            continue
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            found.append(needed)
    return found
