"""Warms the Hugging Face cache from a TOML manifest, and proves that the models load offline.

``prewarm.ensure`` does in Python what the command does; ``prewarm.open_entry`` loads an entry as the manifest has it,
and asks it. What else is public: Report, EntryReport and Failure, which the first returns, and the errors that both
raise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prewarm.api import ensure, open_entry
    from prewarm.records.errors import EntryError, InputError, NotReadyError, PrewarmError
    from prewarm.records.failure import Failure
    from prewarm.records.report import EntryReport, Report

__version__ = "1.0.0"
__all__ = [
    "EntryError",
    "EntryReport",
    "Failure",
    "InputError",
    "NotReadyError",
    "PrewarmError",
    "Report",
    "__version__",
    "ensure",
    "open_entry",
]

_HOMES = {
    "EntryError": "records.errors",
    "EntryReport": "records.report",
    "Failure": "records.failure",
    "InputError": "records.errors",
    "NotReadyError": "records.errors",
    "PrewarmError": "records.errors",
    "Report": "records.report",
    "ensure": "api",
    "open_entry": "api",
}


def __getattr__(name: str) -> Any:
    # Imported when it is asked for (PEP 562): the command pays for what it uses.
    if name not in _HOMES:
        raise AttributeError(f"module 'prewarm' has no attribute '{name}'")
    import importlib

    found = getattr(importlib.import_module(f"prewarm.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
