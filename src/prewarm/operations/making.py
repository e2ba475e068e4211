"""Makes artifacts, with the real Hub, cache and worker. Changes with how one is made and put in its place."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from prewarm.cache.file_lock import locked as file_locked
from prewarm.cache.installed import versions_of
from prewarm.cache.stored import key_of
from prewarm.export import (
    MAKE,
    RECORD,
    Found,
    Place,
    Texts,
    Wanted,
    dump,
    read_made,
    refuse_strangers,
    wanted_of,
    write_layout,
)
from prewarm.flow.account import Options, Tools
from prewarm.flow.apply import apply
from prewarm.flow.outcome import Warmed
from prewarm.flow.warm import warm as warm_entries
from prewarm.hub import configuration
from prewarm.lock import file as locks
from prewarm.operations.artifacts import Mode, examined, told
from prewarm.operations.keeping import keep_artifact, keeping, noting
from prewarm.operations.lock_file import keep_lock
from prewarm.operations.machine import own_versions
from prewarm.operations.project import Project
from prewarm.operations.tools import tools
from prewarm.records.entry import Entry
from prewarm.records.errors import EntryError, ExportError
from prewarm.records.events import Notice, Observer
from prewarm.records.export import Artifact
from prewarm.records.lock import LockedEntry
from prewarm.serve import openapi_text, server_text

TIMEOUT_S = 7200.0
"""Of one artifact: 2 GB of weights take some minutes, and comparing long inputs takes as long again."""
_LIBRARIES = ("onnx", "onnxruntime", "onnxscript", "torch", "transformers")


def make_all(
    project: Project, folders: Mapping[Entry, Path], mode: Mode, observe: Observer, environ: Mapping[str, str]
) -> dict[Entry, Artifact]:
    """Make entries ready, and then the artifact of each.

    Args:
        project: what the lock says.
        folders: of the artifacts.
        mode: ``force``: also where one is there, or was changed.
        observe: is told of the progress.
        environ: the process's environment.

    Raises:
        Interrupted: the user said stop.
    """
    entries = tuple(folders)
    own = replace(project, entries=entries, applications=())
    with keeping(own, observe) as keep, tools(own, noting(observe, keep), environ) as using:
        warmed = warm_entries(entries, project.lock, using, Options(proof=project.settings.proof))
        keep_lock(own, warmed, observe)
        found = {}
        for one in warmed:
            made = _make_one(own, one, folders[one.report.entry], mode, using, observe)
            keep_artifact(made, one.report.commit, keep)
            found[one.report.entry] = made
        return found


def _make_one(project: Project, warmed: Warmed, folder: Path, mode: Mode, using: Tools, observe: Observer) -> Artifact:
    began = time.monotonic()
    entry = warmed.report.entry
    locked = warmed.locked or locks.find(project.lock, entry)
    wanted = wanted_of(entry, locked)
    failed = Artifact(id=entry.name or entry.id, folder=folder, required=entry.required, status="failed")
    if not warmed.report.ready or locked is None:
        return replace(failed, failure=warmed.report.failure, reasons=("its entry is not ready",))
    try:
        with _alone(folder, using, observe):
            place = Place(folder)
            place.tidy()
            before = examined(folder, wanted)
            if mode == "missing" and not before.stale and not before.changed:
                return told(wanted, folder, before)
            _refuse_changed(folder, before, is_forced=mode == "force")
            observe(Notice(text=f"{entry.id}: making {folder}"))
            made = _make(wanted, locked, place, project, using)
    except Exception as error:  # noqa: BLE001 (told apart there)
        failure = using.failure_of(as_export_error(error, folder)).as_failure()
        return replace(failed, failure=failure, elapsed_s=time.monotonic() - began)
    return replace(made, elapsed_s=time.monotonic() - began)


def _make(wanted: Wanted, locked: LockedEntry, place: Place, project: Project, using: Tools) -> Artifact:
    export, entry = wanted.export, wanted.entry
    made = None
    with place.making() as folder:
        if export.format == "files":
            _copy(locked, folder, using)
        else:
            facts = {"repo_id": entry.id, "revision": entry.revision, "commit": locked.commit}
            given = {
                "folder": str(folder),
                "task": export.task,
                "said": entry.task,
                "max_length": export.max_length,
                "opset": export.opset,
                "dtype": export.dtype,
                "min_similarity": project.settings.min_similarity,
                "facts": facts,
                "needs_vectors": export.layout == "oracle",
            }
            made = read_made(apply(locked, MAKE, given, using, folder=folder, timeout_s=TIMEOUT_S).told)
            refuse_strangers(folder, made)
            write_layout(folder, wanted, made, Texts(server=server_text(), openapi=openapi_text()))
        _look_for_check_files(export.check_files, folder)
        versions = {**own_versions(), **versions_of(_LIBRARIES)}
        (folder / RECORD).write_text(dump(wanted, made, folder, versions), encoding="utf-8")
    found = examined(place.folder, wanted)
    notes = made.notes if made is not None else ()
    there = told(wanted, place.folder, found)
    return replace(there, status="made", agreement=made.agreement if made is not None else None, notes=notes)


def _copy(locked: LockedEntry, folder: Path, using: Tools) -> None:
    """The planned files as they are; those of further repositories in folders of their names."""
    for repo, file in locked.files:
        start = folder if repo.repo == locked.entry.repo else folder / repo.repo.repo_id.rpartition("/")[2]
        target = start / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(using.cache.path(repo, file.path), target)


def _look_for_check_files(names: Sequence[str], folder: Path) -> None:
    for name in names:
        if not (folder / name).is_file() and name != RECORD:
            there = ", ".join(sorted(path.name for path in folder.iterdir()))
            raise ExportError(
                "export-error",
                f"check_files names {name}, and the artifact has no such file",
                hint=f"it has {there}",
            )


def _refuse_changed(folder: Path, found: Found, *, is_forced: bool) -> None:
    """Raise ExportError where somebody's work would be lost: what was never an artifact is not, whoever forces it."""
    lost = found.changed + found.added
    if found.record is None and found.added:
        raise ExportError(
            "export-error",
            f"{folder} is no artifact of this entry: {'; '.join(found.added[:3])}",
            hint="name another output_dir, or remove what is there yourself",
        )
    if lost and not is_forced:
        raise ExportError(
            "export-error",
            f"somebody has changed {folder}: {'; '.join(lost[:3])}",
            hint="prewarm export --force makes it anew, without what is there; or name another output_dir",
        )


def as_export_error(error: Exception, folder: Path) -> Exception:
    """What the disk says, as an error of the artifact; anything else as it is."""
    if isinstance(error, OSError) and not isinstance(error, EntryError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return ExportError("no-space", f"the disk is full ({folder})", hint="make room, or name another output_dir")
        if isinstance(error, BlockingIOError):
            said = f"another run makes {folder}, with another HF_HOME"
            return ExportError("export-error", said, hint="wait for it, and run prewarm export again")
        said = f"{error.filename or folder}: {error.strerror or error}"
        return ExportError("export-error", f"the folder cannot be made: {said}", hint="name another output_dir")
    return error


@contextmanager
def _alone(folder: Path, using: Tools, observe: Observer) -> Iterator[None]:
    """One run at a time for a folder."""

    def awaited(holder: str, waited_s: float) -> None:
        del waited_s
        observe(Notice(text=f"waiting for {holder or 'another process'}, which makes {folder}"))

    with file_locked(
        configuration.home() / "prewarm" / f"export-{key_of(folder.absolute())}.lock", using.stop, awaited
    ):
        yield
