"""What happened, per entry and in total. Changes with what is reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from prewarm.records.confinement import SWITCHED_OFF
from prewarm.records.entry import Application, Entry, Wrapped
from prewarm.records.errors import NotReadyError
from prewarm.records.failure import Failure
from prewarm.records.plan import Fetched
from prewarm.records.proof import Proof
from prewarm.records.run import Ran

Status = Literal["missing", "partial", "cached", "proven", "failed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryReport:
    """What happened to one entry."""

    entry: Entry
    """As the manifest has it: ``entry.id``, ``entry.name``, ``entry.required`` and the other keys."""
    commit: str | None = None
    """40 hexadecimal digits; None: it was not resolved."""
    status: Status
    """``missing``, ``partial`` or ``cached``: what the cache holds of it; ``proven``: it loads offline; ``failed``."""
    files: int = 0
    """How many it has."""
    bytes: int = 0
    """Bytes of all files of the entry."""
    missing: tuple[str, ...] = ()
    """Paths of the files that the cache did not hold when it was looked at."""
    missing_bytes: int = 0
    """Bytes of these."""
    fetched: Fetched = field(default_factory=Fetched)
    """What bringing its files here cost: ``bytes``, ``requests`` (metered ones), ``waited_s`` for rate limits."""
    elapsed_s: float = 0.0
    """Seconds, from its first request to its last step."""
    ready: bool
    """Whether the application can start with it: proven, or verified where ``proof = "files"``."""
    proof: Proof | None = None
    """What was loaded, and what that took; None: nothing was loaded, now or when it was proven."""
    failure: Failure | None = None
    """What is wrong; None: nothing is."""
    notes: tuple[str, ...] = ()
    """What is worth knowing, a sentence each."""
    vulnerable: tuple[str, ...] = ()
    """Ids of what the last audit on this disk found and nobody accepts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ApplicationReport(EntryReport):
    """What happened to a command of the application's: files and bytes are what it needs beyond the entries."""

    application: Application
    ran: Ran | None = None
    """Its last run; None: it was not run."""
    repos: tuple[str, ...] = ()
    """The repositories of ``files``, as ``id at commit``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WrappedReport(EntryReport):
    """What happened to a wrapped model: files and bytes are those of its folder."""

    wrapped: Wrapped
    """As the manifest has it; ``commit`` is the hash of the folder's content."""
    loaded: str = ""
    """The class that was loaded."""
    answer: Mapping[str, Any] | None = field(default=None, hash=False)
    """What it gave for its sample; None: it was not run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What happened, per entry and in total."""

    command: str
    """What was asked for: ``ensure``, or the name of a command, such as ``warm`` or ``check``."""
    entries: tuple[EntryReport, ...]
    """In the order of the manifest."""
    applications: tuple[ApplicationReport, ...] = ()
    """Of ``[[application]]``."""
    wrapped: tuple[WrappedReport, ...] = ()
    """Of ``[[wrapped]]``."""
    manifest: Path
    """The file that was read."""
    lock: Path | None
    """The lock's file; None: it was left alone (``--no-lock``)."""
    endpoint: str
    """The Hub, or what is in its place."""
    cache: Path
    """The folder of the Hugging Face cache."""
    versions: Mapping[str, str | None]
    """Of the packages that matter, by their names; None: it is not installed."""
    fetched: Fetched
    """What it cost, in total."""
    elapsed_s: float
    """Seconds."""
    dry_run: bool = False
    """Whether it was only planned."""

    @property
    def all(self) -> tuple[EntryReport, ...]:
        """Of the entries, the applications and the wrapped models."""
        return (*self.entries, *self.applications, *self.wrapped)

    @property
    def ok(self) -> bool:
        """Whether every required entry and application is ready."""
        return all(report.ready for report in self.all if report.entry.required)

    @property
    def not_prevented(self) -> tuple[str, ...]:
        """What the loaded code could have done on this machine, in words, each once."""
        held = [entry.proof.confinement for entry in self.entries if entry.proof and entry.proof.confinement]
        return tuple(dict.fromkeys(said for one in held for said in one.lacks if said != SWITCHED_OFF))

    def raise_if_not_ready(self) -> None:
        """Raise NotReadyError where a required entry is not ready, with what happened to each of those."""
        lost = [report for report in self.all if report.entry.required and not report.ready]
        if not lost:
            return
        said = [
            f"{report.entry.id}: {report.failure.said}" if report.failure else f"{report.entry.id}: {report.status}"
            for report in lost
        ]
        hints = [report.failure.hint for report in lost if report.failure and report.failure.hint]
        kinds = dict.fromkeys(report.failure.kind if report.failure else NotReadyError.kind for report in lost)
        more = ", ".join(f"prewarm explain {kind}" for kind in kinds)
        raise NotReadyError(f"{'; '.join(said)} (more: {more})", hint=hints[0] if hints else "prewarm")
