"""What can be told while it works. Changes when there is something new to tell.

Every event names the entry that it belongs to by its place in the manifest's order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from prewarm.records.entry import Entry
from prewarm.records.plan import Plan
from prewarm.records.report import EntryReport


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryStarted:
    """An entry is being listed and planned."""

    entry: Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryPlanned:
    """What an entry needs is known."""

    entry: Entry
    plan: Plan


@dataclass(frozen=True, kw_only=True, slots=True)
class BytesReceived:
    """A piece of a file arrived; negative when a failed try is thrown away."""

    entry: Entry
    path: str
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FileFetched:
    """A file is in the cache, verified."""

    entry: Entry
    path: str
    size: int
    """Bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HashingStarted:
    """Files that are there are hashed again."""

    files: int
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FileHashed:
    """A piece of a file that is there was hashed."""

    path: str
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Retrying:
    """A request failed in a way that may pass, and is sent again."""

    what: str
    reason: str
    attempt: int
    """The try that failed, from 1."""
    wait_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A rate limit is used up: nothing more is sent in this bucket until it resets."""

    bucket: str
    wait_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitForeseen:
    """The plans need more requests than the bucket's window has left."""

    bucket: str
    requests: int
    """Those that are still to be sent."""
    remaining: int
    wait_s: float
    """How long the run will wait for later windows, in total; at least, where the Hub names no policy."""
    max_wait_s: float
    """How long it may wait yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DownloadAwaited:
    """Another run is fetching a file that the entry needs; told at once, and then now and then."""

    entry: Entry
    path: str
    holder: str = ""
    """Such as ``process 123``, where the system tells."""
    waited_s: float = 0.0
    """So far."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InspectionStarted:
    """The classes are asked whether they know the model; some of its weights come meanwhile."""

    entry: Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class InspectionPassed:
    """They know it: all of its weights come."""

    entry: Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class ProofAwaited:
    """The entry is whole, and waits for its turn to be loaded."""

    entry: Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class ProofStarted:
    """The entry's classes are being loaded, offline."""

    entry: Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class DiscoveryStarted:
    """The entry is being loaded through the gateway, to see what its classes ask for."""

    entry: Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class FilesAdded:
    """The classes asked for files that the plan did not have; they are there now."""

    entry: Entry
    paths: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryFinished:
    """An entry is ready, or failed."""

    report: EntryReport


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """A sentence that concerns the whole run."""

    text: str


Event: TypeAlias = (
    EntryStarted
    | EntryPlanned
    | BytesReceived
    | FileFetched
    | HashingStarted
    | FileHashed
    | Retrying
    | Waiting
    | LimitForeseen
    | DownloadAwaited
    | InspectionStarted
    | InspectionPassed
    | ProofAwaited
    | ProofStarted
    | DiscoveryStarted
    | FilesAdded
    | EntryFinished
    | Notice
)

Observer: TypeAlias = Callable[[Event], None]
"""Takes every event; called from several threads."""
