"""What is dangerous in what was downloaded, and in what it imports. Changes with what an audit needs of the outside."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from prewarm.audit import Scanner
from prewarm.audit.advisories import Answers, ask, source
from prewarm.audit.entries import Sight, audit_entry
from prewarm.audit.findings import of_packages, settled
from prewarm.audit.packages import distributions
from prewarm.cache import modules
from prewarm.cache.disk import DiskCache
from prewarm.cache.memory import Memory
from prewarm.cache.place import write_text
from prewarm.flow.resolve import from_cache
from prewarm.formats.sarif import render
from prewarm.hub import configuration, tokens
from prewarm.lock import file as locks
from prewarm.operations.machine import memory, own_versions
from prewarm.operations.project import Project
from prewarm.proof.environment import without_secrets
from prewarm.records.audit import AuditedEntry, AuditedPackage, AuditReport, Finding
from prewarm.records.entry import Entry
from prewarm.records.errors import AuditError
from prewarm.records.listing import RepoFile
from prewarm.records.lock import LockedEntry, LockedRepo


def audit(
    project: Project, environ: Mapping[str, str], *, today: date, asks: bool = True, osv_url: str | None = None
) -> AuditReport:
    """Look at every entry on the disk, and ask what is known of the packages that they import.

    Args:
        project: the entries.
        environ: the process's environment.
        today: decides which findings are accepted still.
        asks: whether anybody is asked about vulnerabilities.
        osv_url: who is asked, in the place of PyPI: a server that answers as OSV does.
    """
    began = time.monotonic()
    disk = DiskCache(configuration.cache_root(), modules=configuration.modules_root())
    remembered = memory(disk.root, environ)
    scanner = Scanner(disk.root, without_secrets(environ, tokens.known_token()))
    try:
        sight = _sight(project, disk, scanner, remembered)
        known = _known(project, disk)
        audited = [
            audit_entry(entry, locked, is_locked=is_locked, sight=sight) for entry, (locked, is_locked) in known.items()
        ]
    finally:
        scanner.close()
    packages, importers = _imported(audited)
    answers = _answers(packages, environ, osv_url) if asks else None
    found = [finding for one in audited for finding in one.findings]
    found += of_packages(packages, answers, importers)
    findings = settled(found, project.manifest.ignored, today)
    for entry, (locked, _) in known.items():
        if locked is not None:
            remembered.keep_audit(locked, _vulnerable(entry, findings, packages))
    return AuditReport(
        manifest=project.manifest.path,
        cache=disk.root,
        versions=own_versions(),
        entries=tuple(audited),
        packages=_told(packages, answers),
        asked=source(osv_url) if asks and not isinstance(answers, AuditError) else "",
        findings=findings,
        elapsed_s=time.monotonic() - began,
    )


def write_sarif(report: AuditReport, path: Path) -> None:
    """Write it for code scanning.

    Raises:
        AuditError: it cannot be written.
    """
    try:
        write_text(path, render(report, Path.cwd()))
    except OSError as error:
        raise AuditError(f"{path} cannot be written: {error.strerror}", hint="name a file in another folder") from None


def _known(project: Project, disk: DiskCache) -> dict[Entry, tuple[LockedEntry | None, bool]]:
    """The files of every entry and application, and whether the lock says so."""
    found: dict[Entry, tuple[LockedEntry | None, bool]] = {}
    for entry in project.entries:
        locked = locks.find(project.lock, entry)
        recalled = from_cache(entry, disk) if locked is None else None
        found[entry] = (recalled.locked if recalled is not None else locked), locked is not None
    for application in project.applications:
        ran = locks.find_application(project.lock, application)
        has_files = ran is not None and bool(ran.repos)
        found[application.as_entry] = (ran.as_entry if ran is not None and has_files else None), has_files
    return found


def _sight(project: Project, disk: DiskCache, scanner: Scanner, remembered: Memory) -> Sight:
    trusted = {(entry.id, path) for entry in project.manifest.entries for path in entry.unsafe_files or ()}

    def content(repo: LockedRepo, file: RepoFile) -> Path | None:
        return disk.content(repo, file) if disk.has(repo, file) else None

    return Sight(
        content=content,
        shown=lambda repo, file: disk.path(repo, file.path),
        look=scanner.look,
        listed=remembered.listed,
        altered=lambda repo: bool(modules.altered(configuration.modules_root(), repo)),
        trusted=lambda repo, file: (repo.repo.repo_id, file.path) in trusted,
    )


def _imported(audited: list[AuditedEntry]) -> tuple[dict[str, str], dict[str, set[str]]]:
    """The installed packages with their versions, and the entries that import each, themselves or through another."""
    packages: dict[str, str] = {}
    importers: dict[str, set[str]] = defaultdict(set)
    for one in audited:
        found = distributions(one.packages)
        packages |= found
        for name in found:
            importers[name].add(one.entry.id)
    return dict(sorted(packages.items())), importers


def _answers(packages: Mapping[str, str], environ: Mapping[str, str], osv_url: str | None) -> Answers | AuditError:
    proxies = {name: value for name, value in environ.items() if name.lower().endswith("_proxy")}
    try:
        return ask(packages, environ={**without_secrets(environ, tokens.known_token()), **proxies}, osv_url=osv_url)
    except AuditError as error:
        return error


def _told(packages: Mapping[str, str], answers: Answers | AuditError | None) -> tuple[AuditedPackage, ...]:
    known = answers.known if isinstance(answers, Answers) else {}
    unknown = answers.not_asked if isinstance(answers, Answers) else {}
    nobody = answers.message if isinstance(answers, AuditError) else "nobody was asked"
    return tuple(
        AuditedPackage(
            name=name,
            version=version,
            advisories=tuple(advisory.id for advisory in known.get(name, ())),
            not_asked="" if name in known else unknown.get(name, nobody),
        )
        for name, version in packages.items()
    )


def _vulnerable(entry: Entry, findings: tuple[Finding, ...], packages: Mapping[str, str]) -> list[tuple[str, str, str]]:
    return [
        (finding.id, finding.package, packages.get(finding.package, ""))
        for finding in findings
        if entry.id in finding.entries and finding.level == "error" and finding.counts
    ]
