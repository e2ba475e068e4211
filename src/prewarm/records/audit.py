"""What an audit found. Changes with what is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from prewarm.records.entry import Entry, Ignored

Level = Literal["error", "warning", "note"]
"""Errors and warnings are findings; notes are for reading."""
Rule = Literal[
    "unsafe-file",
    "changed-code",
    "unreadable-code",
    "code-network",
    "code-process",
    "code-eval",
    "code-write",
    "safer-variant",
    "smaller-variant",
    "vulnerability",
    "not-audited",
    "ignore-expired",
    "ignore-unused",
]


CodeState = Literal["as locked", "changed", "not locked", "missing"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that somebody should know of."""

    rule: Rule
    id: str
    """The same for the same thing: what ``[audit] ignore`` names. Of a file it holds the start of its hash, so that
    another content is another finding."""
    level: Level
    message: str
    entries: tuple[str, ...] = ()
    """Ids of the entries that it concerns; none: the environment."""
    path: str = ""
    """Of a file, as ``namespace/name/path``."""
    package: str = ""
    """Of the environment; empty: it is about files."""
    line: int | None = None
    hint: str = ""
    aliases: tuple[str, ...] = ()
    """Other ids by which it may be ignored."""
    ignored: Ignored | None = None

    @property
    def counts(self) -> bool:
        """Whether the exit code says so."""
        return self.level != "note" and self.ignored is None


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeFile:
    """A Python file of a repository."""

    path: str
    """As ``namespace/name/path``."""
    commit: str
    sha256: str
    """Of what is on the disk; empty: it is not there."""
    runs: bool
    """Whether its entry runs it."""
    state: CodeState
    packages: tuple[str, ...] = ()
    """What it imports from elsewhere, by the first part of the module's name."""
    names: Mapping[Rule, tuple[tuple[str, int], ...]] = field(default_factory=lambda: MappingProxyType({}))
    """What it names of the dangerous, by rule, each with the line of its first use."""
    broken: str = ""
    """Why it cannot be read as Python; empty: it can."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """The files of one format that an entry needs."""

    format: str
    files: int
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditedEntry:
    """What is known of one entry."""

    entry: Entry
    commit: str | None
    """None: it is neither locked nor in the cache."""
    formats: tuple[Weights, ...] = ()
    licenses: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """By repository: the license that its owner names; empty: none that the lock knows of."""
    gated: tuple[str, ...] = ()
    """The repositories whose owners ask for consent."""
    code: tuple[CodeFile, ...] = ()
    not_there: int = 0
    """Files that are not in the cache, and were not looked into."""
    unlisted: tuple[str, ...] = ()
    """Repositories of which it is not known here what else they have."""
    findings: tuple[Finding, ...] = ()
    packages: tuple[str, ...] = ()
    """What it imports, by module."""
    not_installed: tuple[str, ...] = ()
    """What its own code imports, and is not installed here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditedPackage:
    """An installed package that entries import, directly or through another."""

    name: str
    version: str
    advisories: tuple[str, ...] = ()
    """Ids of known vulnerabilities."""
    not_asked: str = ""
    """Why nobody could say; empty: somebody did."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditReport:
    """What an audit found."""

    manifest: Path
    cache: Path
    versions: Mapping[str, str | None]
    entries: tuple[AuditedEntry, ...]
    packages: tuple[AuditedPackage, ...]
    asked: str
    """Who was asked about vulnerabilities; empty: nobody."""
    findings: tuple[Finding, ...]
    """All of them, those of the entries included."""
    elapsed_s: float

    @property
    def ok(self) -> bool:
        """Whether there is nothing that counts."""
        return not any(finding.counts for finding in self.findings)
