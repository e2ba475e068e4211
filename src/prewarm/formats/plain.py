"""Events as lines of plain text, for pipes and logs: one per event worth reading."""

from __future__ import annotations

import sys
from typing import TextIO

from prewarm.formats.lines import Lines
from prewarm.records.events import (
    BytesReceived,
    DiscoveryStarted,
    DownloadAwaited,
    EntryFinished,
    EntryPlanned,
    EntryStarted,
    Event,
    FileFetched,
    FileHashed,
    FilesAdded,
    HashingStarted,
    InspectionPassed,
    InspectionStarted,
    LimitForeseen,
    Notice,
    ProofAwaited,
    ProofStarted,
    Retrying,
    Waiting,
)
from prewarm.records.text import harmless
from prewarm.records.units import duration, plural, size

if sys.version_info >= (3, 11):
    from typing import assert_never
else:
    from typing_extensions import assert_never

_SHOWN = 5
LARGE_BYTES = 50_000_000
"""Files of this size and more get a line each."""


class PlainLines:
    """An observer that writes lines.

    Args:
        stream: where to.
        verbose: with a line for every file.
    """

    def __init__(self, stream: TextIO, *, verbose: bool = False) -> None:
        self._lines = Lines(stream)
        self._verbose = verbose

    def __call__(self, event: Event) -> None:
        """Write the event's line, if it has one."""
        line = line_of(event, verbose=self._verbose)
        if line:
            self._lines.write(line)


def line_of(event: Event, *, verbose: bool) -> str:
    """The line of an event, without what a terminal would obey; empty where it is not worth one."""
    return harmless(_line_of(event, verbose=verbose))


def _line_of(event: Event, *, verbose: bool) -> str:  # noqa: C901 (a case an event)
    match event:
        case EntryStarted() | BytesReceived() | FileHashed():
            return ""
        case InspectionStarted() | InspectionPassed() | ProofAwaited():
            return ""
        case EntryPlanned(entry=entry, plan=plan):
            files = plan.locked.files
            total = f"{plural(len(files), 'file')}, {size(sum(file.size for _, file in files))}"
            missing = f"{size(plan.missing_bytes)} to fetch" if plan.missing else "all in the cache"
            return f"{entry.id}: {total}, {missing}"
        case HashingStarted(files=count, bytes=total):
            return f"hashing {plural(count, 'file')}, {size(total)}"
        case FileFetched(entry=entry, path=path, size=count):
            return f"{entry.id}: {path} ({size(count)})" if verbose or count >= LARGE_BYTES else ""
        case Retrying(what=what, reason=reason, attempt=attempt, wait_s=wait_s):
            return f"{what}: {reason}; try {attempt + 1} in {duration(wait_s)}"
        case Waiting(bucket=bucket, wait_s=wait_s) if "://" in bucket:
            return f"waiting {duration(wait_s)}: {bucket} asks for it"
        case Waiting(bucket=bucket, wait_s=wait_s):
            return f"waiting {duration(wait_s)} for the Hub's limit on '{bucket}' to reset"
        case LimitForeseen(bucket=bucket, requests=requests, remaining=left, wait_s=wait_s, max_wait_s=max_wait_s):
            said = (
                f"{plural(requests, 'request')} to send, and the Hub's limit on '{bucket}' has {left} left: "
                f"this run will wait about {duration(wait_s)}"
            )
            if wait_s > max_wait_s:
                said += f", and may wait {duration(max_wait_s)} (--max-wait): it will end there, and keep what arrived"
            return said
        case DownloadAwaited(entry=entry, path=path, holder=holder, waited_s=waited_s):
            whose = f"another run's download ({holder})" if holder else "another run's download"
            so_far = f", for {duration(waited_s)} so far" if waited_s >= 1 else ""
            return f"{entry.id}: {path}: waiting for {whose}{so_far}"
        case ProofStarted(entry=entry):
            return f"{entry.id}: loading offline"
        case DiscoveryStarted(entry=entry):
            return f"{entry.id}: loading once, to see what it asks for"
        case FilesAdded(entry=entry, paths=paths):
            more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
            return f"{entry.id}: it asks for {', '.join(paths[:_SHOWN])}{more} as well: fetched"
        case EntryFinished(report=report):
            if report.failure is not None:
                return f"{report.entry.id}: failed: {report.failure.said}"
            return f"{report.entry.id}: {report.status} in {duration(report.elapsed_s)}"
        case Notice(text=text):
            return text
        case _:
            assert_never(event)
