"""A node's entries shown, proven, and said to be ready. Changes with what readiness means on a node of a fleet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prewarm.cache.scan import missing
from prewarm.flow.account import Options
from prewarm.flow.outcome import Warmed
from prewarm.flow.ready import mode_of
from prewarm.flow.show import show as show_files
from prewarm.flow.unsafe import without_unsafe
from prewarm.flow.warm import warm
from prewarm.hub import configuration
from prewarm.lock import file as locks
from prewarm.lock.digest import entry_tag
from prewarm.operations.check import check
from prewarm.operations.machine import memory
from prewarm.operations.project import Project
from prewarm.operations.tools import Work, ignored, tools
from prewarm.records.entry import Entry
from prewarm.records.failure import Failure
from prewarm.records.fleet import NodeEntry, NodeProofs
from prewarm.records.listing import RepoFile
from prewarm.records.lock import LockedEntry, LockedRepo

_OFFLINE = Work(asks_nobody=True)
_OF_THE_FILES = ("load-error", "needs-remote-code", "unsafe")
"""Failures of a load that hold wherever files and versions are the same; others may be this machine's."""


def key_of(repo: LockedRepo, file: RepoFile) -> str:
    """What a blob is called between nodes: by its place in the cache."""
    return f"{repo.repo.folder}/{file.digest.value}"


def failures_of(warmed: Iterable[Warmed]) -> dict[str, Failure]:
    """What failed, by the tags of the entries."""
    reports = [one.report for one in warmed]
    return {entry_tag(one.entry): one.failure for one in reports if one.failure is not None}


def show(project: Project, environ: Mapping[str, str], failed: Mapping[str, Failure]) -> None:
    """Let applications find the entries, but for those that have failed; keeps those failures for ``check``."""
    lost = _lost(project, failed)
    remembered = memory(configuration.cache_root(), environ)
    for entry, failure in lost.items():
        remembered.keep_failure(entry, locks.find(project.lock, entry), failure)
    with tools(project, ignored, environ, _OFFLINE) as using:
        entries = [entry for entry in project.entries if entry not in lost]
        warm(entries, project.lock, using, Options(proof="files", may_load=False))
        for one in project.applications:
            ran = locks.find_application(project.lock, one)
            if ran is not None and not any(key_of(*pair) in failed for pair in ran.as_entry.files):
                safe, _ = without_unsafe(ran.as_entry, using)
                show_files(safe, using)


def prove(project: Project, environ: Mapping[str, str], failed: Mapping[str, Failure]) -> NodeProofs:
    """Load the entries, but for those that have failed, and those that are proven already."""
    setting, lost = project.settings.proof, _lost(project, failed)
    there = [locked for locked in _locked(project) if locked.entry not in lost]
    entries = [locked.entry for locked in there if mode_of(locked.entry, setting) == "load"]
    with tools(project, ignored, environ, _OFFLINE) as using:
        warmed = warm(entries, project.lock, using, Options(proof=setting))
    remembered = memory(configuration.cache_root(), environ)
    proofs = {entry_tag(locked.entry): remembered.recall(locked).proof for locked in there}
    return NodeProofs(
        proofs={tag: proof for tag, proof in proofs.items() if proof is not None},
        failures={tag: failure for tag, failure in failures_of(warmed).items() if failure.kind in _OF_THE_FILES},
    )


def accept(project: Project, environ: Mapping[str, str], found: NodeProofs) -> None:
    """Take over what a node of the same environment has found out, for the entries that are whole here."""
    root = configuration.cache_root()
    remembered = memory(root, environ)
    for locked in _locked(project):
        if missing(root, locked):
            continue
        tag = entry_tag(locked.entry)
        if (proof := found.proofs.get(tag)) is not None and remembered.recall(locked).proof is None:
            remembered.keep(locked, proof)
        if (failure := found.failures.get(tag)) is not None:
            remembered.keep_failure(locked.entry, locked, failure)


def entries(project: Project, failed: Mapping[str, Failure], *, may_load: bool = True) -> tuple[NodeEntry, ...]:
    """What became of each entry here, as ``prewarm check`` says it.

    Args:
        project: the entries.
        failed: what does not come here, and why.
        may_load: whether anything is loaded; else entries are ready whose files are there.
    """
    lost, found = _lost(project, failed), []
    for one in check(project).entries:
        is_ready = one.ready or (not may_load and one.status == "cached")
        failure = one.failure or (lost.get(one.entry) if not is_ready else None)
        found.append(
            NodeEntry(
                id=one.entry.id,
                label=one.entry.label,
                revision=one.entry.revision,
                commit=one.commit,
                required=one.entry.required,
                status="failed" if failure is not None else one.status,
                ready=is_ready and failure is None,
                failure=failure,
                notes=one.notes,
            )
        )
    return tuple(found)


def _locked(project: Project) -> list[LockedEntry]:
    found = [locks.find(project.lock, entry) for entry in project.entries]
    return [one for one in found if one is not None]


def _lost(project: Project, failed: Mapping[str, Failure]) -> dict[Entry, Failure]:
    """The entries that something of this is about: tags of entries, and keys of blobs."""
    found = {}
    for entry in project.entries:
        locked = locks.find(project.lock, entry)
        keys = [key_of(*pair) for pair in locked.files] if locked is not None else []
        why = next((failed[name] for name in (entry_tag(entry), *keys) if name in failed), None)
        if why is not None:
            found[entry] = why
    return found
