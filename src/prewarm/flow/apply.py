"""Lets a function go on with an entry that is ready, in a process of its own. Changes with what holds there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prewarm.flow.account import Account, Tools
from prewarm.flow.requests import request_of
from prewarm.flow.resolve import from_lock
from prewarm.flow.trust import refuse_altered, refuse_changed_code, sealed
from prewarm.records.lock import LockedEntry
from prewarm.records.proof import Continued


def apply(
    locked: LockedEntry, then: str, given: Mapping[str, Any], tools: Tools, *, folder: Path, timeout_s: float
) -> Continued:
    """Load an entry, offline, and call a function with what was loaded.

    Args:
        locked: the entry, every file of which is in the cache.
        then: ``package.module:function``.
        given: its further arguments.
        tools: what the run works with.
        folder: that the function may write to.
        timeout_s: the longest that it may take, in seconds.

    Returns:
        What the function gave.

    Raises:
        ProofError: it does not load, or the function refuses.
        CacheError: code is not what was locked, or a file was altered meanwhile.
    """
    refuse_changed_code(locked, tools.cache)
    request, _ = request_of(from_lock(locked), tools, Account(locked.entry, tools))
    before = sealed(locked, tools.cache)
    told = tools.prover.apply(request, then, given, folder=folder, timeout_s=timeout_s)
    refuse_altered(locked, before, tools.cache, is_held=False)
    return told
