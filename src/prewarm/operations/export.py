"""Makes the artifacts that are not there as they have to be. Changes with when one is made.

Imports little: where nothing is to be made, it takes as long as a check.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from prewarm.export import Place
from prewarm.operations.artifacts import Mode, folders_of, look
from prewarm.operations.project import Project
from prewarm.records.entry import Entry
from prewarm.records.errors import CommandError
from prewarm.records.events import Observer
from prewarm.records.export import Artifact, ExportReport

_MODES: Mapping[str, Mode] = {
    "force": "force", "never": "never", "missing": "missing", "true": "force", "false": "never",
}  # fmt: skip


def mode_of(environ: Mapping[str, str], *, is_forced: bool, is_check: bool) -> Mode:
    """Whether something may be made: by the command line, or by variables that image builds set.

    Raises:
        CommandError: a variable has a value that it cannot have.
    """
    if is_check:
        return "never"
    if is_forced:
        return "force"
    for name, words in (("PREWARM_EXPORT", ("force", "never", "missing")), ("DOWNLOAD_MODELS", ("true", "false"))):
        said = environ.get(name, "").strip().lower()
        if said in words:
            return _MODES[said]
        if said and name == "PREWARM_EXPORT":
            hint = "PREWARM_EXPORT=force, never or missing"
            raise CommandError(f"PREWARM_EXPORT is '{environ[name]}'", hint=hint)
    return "missing"


def export(
    project: Project, entries: Sequence[Entry], mode: Mode, observe: Observer, environ: Mapping[str, str]
) -> ExportReport:
    """Make the artifacts that are not there as they have to be; one's failure is a value in its report.

    Args:
        project: what the lock says, and where folders are.
        entries: whose artifacts.
        mode: what may be made.
        observe: is told of the progress.
        environ: the process's environment.

    Raises:
        ManifestError: two of them have the same folder.
        Interrupted: the user said stop.
    """
    began = time.monotonic()
    folders = folders_of(project, entries)
    if mode != "never":
        for folder in folders.values():
            with suppress(OSError):
                Place(folder).tidy()
    found = {entry: look(entry, folder, project) for entry, folder in folders.items()}
    todo = [entry for entry in entries if mode == "force" or (mode == "missing" and not found[entry].is_there)]
    done: dict[Entry, Artifact] = {}
    if todo:
        from prewarm.operations.making import make_all  # noqa: PLC0415 (what a look does not need)

        done = make_all(project, {entry: folders[entry] for entry in todo}, mode, observe, environ)
    return ExportReport(
        artifacts=tuple(done.get(entry, found[entry]) for entry in entries),
        manifest=project.manifest.path,
        elapsed_s=time.monotonic() - began,
    )
