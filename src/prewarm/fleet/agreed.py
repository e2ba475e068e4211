"""The Hub's windows as several fetching nodes know them together, so that one governor holds them all.

The registry of a fleet keeps a value a window, with a number that grows. A node reads it, decides, and writes what
follows where nobody has written meanwhile; else it looks again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

Result = TypeVar("Result")


class Ledger:
    """Values by name, each with a number that grows: the registry's side."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[int, Any]] = {}

    def read(self, name: str) -> tuple[int, Any]:
        """The number and the value; 0 and None where there is none."""
        with self._lock:
            return self._kept.get(name, (0, None))

    def swap(self, name: str, number: int, value: Any) -> bool:
        """Keep ``value`` where the number is still ``number``; gives whether it was."""
        with self._lock:
            if self._kept.get(name, (0, None))[0] != number:
                return False
            self._kept[name] = (number + 1, value)
            return True


class AgreedWindows:
    """What the governor of each fetching node shares with the others; a node's side.

    Args:
        read: the ledger's, from afar.
        swap: as ``read``.
    """

    path = "the fleet's registry"

    def __init__(self, read: Callable[[str], tuple[int, Any]], swap: Callable[[str, int, Any], bool]) -> None:
        self._read = read
        self._swap = swap
        self._lock = threading.Lock()

    def change(self, name: str, work: Callable[[Any], tuple[Result, Any]]) -> Result:
        """Let ``work`` see a window and give a new one; it is asked again where another node was faster.

        Where the registry does not answer, each node counts for itself.
        """
        # A node's own threads are not in each other's way.
        with self._lock:
            return self._change(name, work)

    def _change(self, name: str, work: Callable[[Any], tuple[Result, Any]]) -> Result:
        while True:
            try:
                number, window = self._read(name)
            except Exception:  # noqa: BLE001 (Ray's errors have many roots)
                return work(None)[0]
            result, after = work(window)
            if after is None or after == window:
                return result
            with suppress(Exception):
                if not self._swap(name, number, after):
                    continue
            return result
