"""Libraries that look for models elsewhere than in the Hugging Face cache, where a variable says so.

Changes with these libraries.
"""

from __future__ import annotations

from collections.abc import Mapping

HOMES: Mapping[str, str] = {
    "sentence_transformers": "SENTENCE_TRANSFORMERS_HOME",
    "fastembed": "FASTEMBED_CACHE_PATH",
    "flair": "FLAIR_CACHE_ROOT",
}
"""Package to variable."""


def moved(foreign_class: str | None, environ: Mapping[str, str], cache: str) -> str:
    """What makes the library of a class look elsewhere, as a sentence; empty: nothing.

    Args:
        foreign_class: ``package.module:Class``; None: one of transformers.
        environ: the application's environment.
        cache: the folder of the cache.
    """
    package = (foreign_class or "").partition(":")[0].partition(".")[0]
    variable = HOMES.get(package, "")
    named = environ.get(variable, "")
    if not named or named.rstrip("/") == cache.rstrip("/"):
        return ""
    return f"{variable} is set: {package} looks in {named}, and not in {cache}"
