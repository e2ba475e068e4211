"""What there is to know of one entry, from its files on the disk. Changes with what an audit looks at in an entry."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from prewarm.audit import code, offers
from prewarm.audit.packages import is_installed, modules_of
from prewarm.records.audit import AuditedEntry, CodeFile, CodeState, Finding, Level, Rule, Weights
from prewarm.records.entry import Entry
from prewarm.records.listing import Listed, RepoFile
from prewarm.records.lock import LockedEntry, LockedRepo
from prewarm.wire.contents import git_blob

_SAID: Mapping[Rule, str] = {
    "code-network": "it can reach the network",
    "code-process": "it can start other programs",
    "code-eval": "it can run code that is not in it",
    "code-write": "it can write or remove files",
}
_SHOWN = 6
_ID_DIGITS = 8
_REVIEW = "read these lines; what you accept belongs into [audit] ignore"


@dataclass(frozen=True, kw_only=True)
class Sight:
    """How an audit sees the cache."""

    content: Callable[[LockedRepo, RepoFile], Path | None]
    """The content of a file that is there with the right size; None: it is not."""
    shown: Callable[[LockedRepo, RepoFile], Path]
    """The name under which a file is opened."""
    look: Callable[[Path, str], tuple[str, ...]]
    """What a file does as it is opened, in words."""
    listed: Callable[[LockedRepo], Listed | None]
    """What else the repository has; None: that is not known here."""
    altered: Callable[[LockedRepo], bool]
    """Whether transformers' copy of the repository's code is another."""
    trusted: Callable[[LockedRepo, RepoFile], bool]
    """Whether the manifest names the file in ``unsafe_files``."""


def audit_entry(entry: Entry, locked: LockedEntry | None, *, is_locked: bool, sight: Sight) -> AuditedEntry:
    """Look at one entry.

    Args:
        entry: as the manifest has it.
        locked: its files; None: neither lock nor cache knows them.
        is_locked: whether the lock says so, and not only the cache.
        sight: how the cache is seen.
    """
    if locked is None:
        nothing = _not_audited(entry, "it is neither locked nor in the cache")
        packages = tuple(sorted(modules_of(entry, None, ())))
        return AuditedEntry(entry=entry, commit=None, packages=packages, findings=(nothing,))
    listed = {repo: sight.listed(repo) for repo in locked.repos}
    files = tuple(_code(locked, is_locked, sight))
    ran = {package for file in files if file.runs for package in file.packages}
    findings = [
        *_unsafe(locked, sight),
        *(found for file in files for found in _of_code(entry, file)),
        *_copies(locked, sight),
        *_offers(locked, listed),
    ]
    not_there = sum(sight.content(repo, file) is None for repo, file in locked.files)
    if not_there:
        findings.append(_not_audited(entry, f"{not_there} of its files are not in the cache"))
    return AuditedEntry(
        entry=entry,
        commit=locked.commit,
        formats=_formats(locked),
        licenses={repo.repo.repo_id: repo.license for repo in locked.repos},
        gated=tuple(repo.repo.repo_id for repo in locked.repos if repo.gated),
        code=files,
        not_there=not_there,
        unlisted=tuple(repo.repo.repo_id for repo, known in listed.items() if known is None),
        findings=tuple(findings),
        not_installed=tuple(sorted(package for package in ran if not is_installed(package))),
        packages=tuple(sorted(modules_of(entry, locked, ran))),
    )


def _not_audited(entry: Entry, why: str) -> Finding:
    return Finding(
        rule="not-audited",
        id=f"not-audited:{entry.id}",
        level="warning",
        message=f"{entry.id} could not be looked at: {why}",
        entries=(entry.id,),
        hint="prewarm brings it",
    )


def _formats(locked: LockedEntry) -> tuple[Weights, ...]:
    sizes: dict[str, list[int]] = defaultdict(list)
    for _, file in locked.files:
        if name := offers.format_of(file):
            sizes[name].append(file.size)
    return tuple(Weights(format=name, files=len(found), bytes=sum(found)) for name, found in sorted(sizes.items()))


def _unsafe(locked: LockedEntry, sight: Sight) -> Iterator[Finding]:
    for repo, file in locked.files:
        path = sight.content(repo, file)
        said = sight.look(path, file.path) if path is not None else ()
        if not said:
            continue
        is_trusted = sight.trusted(repo, file)
        where = _where(repo, file)
        words = ", ".join(said[:_SHOWN])
        yield Finding(
            rule="unsafe-file",
            id=f"unsafe-file:{where}@{file.digest.value[:_ID_DIGITS]}",
            level="note" if is_trusted else "error",
            message=f"{where} does this as it is opened: {words}" + (" (trusted by unsafe_files)" * is_trusted),
            entries=(locked.entry.id,),
            path=where,
            hint="" if is_trusted else "do not open it; the entry's files can be chosen with include and exclude",
        )


def _code(locked: LockedEntry, is_locked: bool, sight: Sight) -> Iterator[CodeFile]:
    for repo, file in locked.files:
        if not file.path.endswith(".py"):
            continue
        path = sight.shown(repo, file)
        source = path.read_bytes() if path.is_file() else None
        runs = locked.entry.trust_remote_code
        if source is None:
            yield CodeFile(path=_where(repo, file), commit=repo.commit, sha256="", runs=runs, state="missing")
            continue
        sha256 = hashlib.sha256(source).hexdigest()
        said = code.read(source)
        yield CodeFile(
            path=_where(repo, file),
            commit=repo.commit,
            sha256=sha256,
            runs=runs,
            state=_state(file, source, sha256, is_locked),
            packages=said.packages,
            names=said.names,
            broken=said.broken,
        )


def _state(file: RepoFile, source: bytes, sha256: str, is_locked: bool) -> CodeState:
    if not is_locked:
        return "not locked"
    wanted = file.code_sha256 or (file.digest.value if file.digest.algorithm == "sha256" else "")
    if wanted:
        return "as locked" if sha256 == wanted else "changed"
    blob = git_blob(len(source))
    blob.update(source)
    return "as locked" if blob.hexdigest() == file.digest.value else "changed"


def _of_code(entry: Entry, file: CodeFile) -> Iterator[Finding]:
    where = f"{file.path}@{file.sha256[:_ID_DIGITS]}"
    if file.state == "changed":
        yield Finding(
            rule="changed-code",
            id=f"changed-code:{where}",
            level="error",
            message=f"{file.path} is not the code that was locked",
            entries=(entry.id,),
            path=file.path,
            hint="prewarm verify --repair fetches it again; look for what has changed it",
        )
    # What does not run here may be read by nobody: it is told, and counts where the entry runs it.
    level: Level = "warning" if file.runs else "note"
    if file.broken:
        yield Finding(
            rule="unreadable-code",
            id=f"unreadable-code:{where}",
            level=level,
            message=f"{file.path} cannot be read as Python: {file.broken}",
            entries=(entry.id,),
            path=file.path,
        )
    for rule, said in _SAID.items():
        if names := file.names.get(rule):
            named = ", ".join(f"{name} (line {line})" for name, line in names[:_SHOWN])
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            yield Finding(
                rule=rule,
                id=f"{rule}:{where}",
                level=level,
                message=f"{file.path}: {said}: {named}{more}",
                entries=(entry.id,),
                path=file.path,
                line=names[0][1],
                hint=_REVIEW if file.runs else "",
            )


def _copies(locked: LockedEntry, sight: Sight) -> Iterator[Finding]:
    for repo in locked.repos:
        if locked.entry.trust_remote_code and sight.altered(repo):
            yield Finding(
                rule="changed-code",
                id=f"changed-code:{repo.repo.repo_id}@copy",
                level="error",
                message=f"transformers' copy of the code of {repo.repo.repo_id} is not what is locked",
                entries=(locked.entry.id,),
                path=repo.repo.repo_id,
                hint="prewarm takes it away: run it",
            )


def _offers(locked: LockedEntry, known: Mapping[LockedRepo, Listed | None]) -> Iterator[Finding]:
    for repo, listed in known.items():
        if listed is None:
            continue
        found_by: list[tuple[Rule, Level, Iterator[offers.Offer]]] = [
            ("safer-variant", "warning", offers.safer(repo, listed.files)),
            ("smaller-variant", "note", offers.smaller(repo, listed.files)),
        ]
        for rule, level, found in found_by:
            for offer in found:
                yield Finding(
                    rule=rule,
                    id=f"{rule}:{repo.repo.repo_id}/{offer.path}",
                    level=level,
                    message=f"{repo.repo.repo_id}: {offer.said}",
                    entries=(locked.entry.id,),
                    path=f"{repo.repo.repo_id}/{offer.path}",
                    hint=offer.hint,
                )


def _where(repo: LockedRepo, file: RepoFile) -> str:
    return f"{repo.repo.repo_id}/{file.path}"
