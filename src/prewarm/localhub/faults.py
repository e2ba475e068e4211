"""Faults on demand, by path and count. Standard library only."""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

FaultKind = Literal[
    "status",
    "reset",
    "cut",
    "cut-at",
    "flip",
    "hang",
    "slow",
    "html",
    "wrong-length",
    "ignore-range",
    "refuse-range",
    "nameless-range",
    "trickle",
    "endless",
    "bomb",
]
"""What goes wrong:

- ``status``: the answer is ``status`` with ``headers``;
- ``reset``: the connection is reset after ``at_byte`` bytes of the body (0: before the answer);
- ``cut``: the connection is closed in order after ``at_byte`` bytes of the body;
- ``cut-at``: the connection is closed in order before the byte at ``at_byte`` of the file, whatever range is asked for;
- ``flip``: the byte at ``at_byte`` of the file is another one;
- ``hang``: nothing is sent for ``seconds``, then the connection is closed;
- ``slow``: the body comes at ``bytes_per_s``;
- ``html``: status 200 with a proxy's page;
- ``wrong-length``: ``Content-Length`` says one byte less than there is;
- ``ignore-range``: a range is answered with 200 and the whole file;
- ``refuse-range``: a range is answered with 416;
- ``nameless-range``: a range is answered with 206 and no ``Content-Range``;
- ``trickle``: the head of the answer comes a byte every ``seconds``, without end;
- ``endless``: the body is white space without end;
- ``bomb``: the body is ``at_byte`` zeros, compressed.
"""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way to fail, for the requests that match."""

    path: str
    """Glob over the path of the request; a file on the second origin goes by the path of its resolver."""
    kind: FaultKind
    count: int = 1
    """How many requests it befalls; 0: all."""
    origin: Literal["hub", "cdn", "any"] = "any"
    method: str | None = None
    """Only requests with this method; None: GET and HEAD alike."""
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    at_byte: int = 0
    seconds: float = 30.0
    bytes_per_s: float = 1e5


class Faults:
    """The faults in force, used up as requests match."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[tuple[Fault, int]] = []

    def add(self, fault: Fault) -> None:
        """Put a fault in force."""
        with self._lock:
            self._armed.append((fault, fault.count))

    def clear(self) -> None:
        """Take all faults back."""
        with self._lock:
            self._armed.clear()

    def take(self, *, origin: str, method: str, path: str) -> Fault | None:
        """The first fault that matches a request, counted down."""
        with self._lock:
            for place, (fault, left) in enumerate(self._armed):
                if fault.origin not in (origin, "any") or fault.method not in (method, None):
                    continue
                if not fnmatch.fnmatchcase(path, fault.path):
                    continue
                if fault.count:
                    if left == 1:
                        del self._armed[place]
                    else:
                        self._armed[place] = (fault, left - 1)
                return fault
        return None
