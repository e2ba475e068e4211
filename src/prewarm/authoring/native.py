"""Which models transformers has code for itself. Changes with where it keeps the list.

``CONFIG_MAPPING_NAMES`` is not promised: a test fails where it is another. Without it, nothing counts as known, so that
code of a repository is named where it might not be needed.
"""

from __future__ import annotations

from collections.abc import Collection


def model_types() -> Collection[str]:
    """Every ``model_type`` of the installed transformers; empty where it cannot be told."""
    try:
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES
    except ImportError:
        return frozenset()
    return frozenset(CONFIG_MAPPING_NAMES)
