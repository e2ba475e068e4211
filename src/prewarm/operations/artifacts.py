"""Which artifacts there are, as they have to be, and which are not. Changes with how they are chosen and looked at.

Imports little: where nothing is to be made, this is all that runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from prewarm.cache.stored import key_of, read_table, write_table
from prewarm.export import Found, Wanted, examine, wanted_of
from prewarm.hub import configuration
from prewarm.lock import file as locks
from prewarm.lock.content import sha256_of
from prewarm.operations.project import Project
from prewarm.records.entry import Entry
from prewarm.records.errors import CommandError, ManifestError
from prewarm.records.export import Artifact

Mode = Literal["missing", "force", "never"]
"""``missing``: what is not there as it has to be; ``force``: all; ``never``: nothing."""


def chosen(project: Project, *, is_named: bool) -> tuple[Entry, ...]:
    """The entries whose artifacts are made: those that are named, else those that have a table for it.

    Raises:
        CommandError: there are none.
    """
    found = project.entries if is_named else tuple(entry for entry in project.entries if entry.export is not None)
    if not found:
        raise CommandError(
            f"no entry of {project.manifest.path.name} has an artifact to make",
            hint='name one: prewarm export ID; or add to its table: [advanced.export] with format = "onnx"',
        )
    return found


def folder_of(project: Project, entry: Entry) -> Path:
    """Where an entry's artifact lies.

    Raises:
        ManifestError: it is no place for one.
    """
    said = entry.export.output_dir if entry.export is not None else None
    place = f"{entry.place}.export.output_dir" if said is not None else "settings.models_dir"
    if said is None:
        name = entry.name or entry.id.rpartition("/")[2]
        said = f"{project.settings.models_dir}/{name}"
    base = project.manifest.path.absolute().parent
    try:
        folder = base / Path(said).expanduser()
        home = Path.home()
    except RuntimeError as error:
        raise ManifestError(str(error), place=place, hint='such as "models/minilm"') from None
    kept = {base.resolve(), *base.resolve().parents, home.resolve(), Path.cwd()}
    if folder.resolve() in kept:
        raise ManifestError(
            f"{folder} holds more than an artifact, which would take its place",
            place=place,
            hint='such as "models/minilm"',
        )
    return folder


def folders_of(project: Project, entries: Sequence[Entry]) -> dict[Entry, Path]:
    """Where each entry's artifact lies.

    Raises:
        ManifestError: one of them has the folder of another, of whatever entry that is.
    """
    others = [entry for entry in project.manifest.entries if entry.export is not None and entry not in entries]
    found: dict[Entry, Path] = {}
    for entry in (*others, *entries):
        folder = folder_of(project, entry)
        for other, taken in found.items():
            if taken.resolve() in (folder.resolve(), *folder.resolve().parents):
                raise ManifestError(
                    f"its folder {folder} is that of {other.id}, or in it",
                    place=f"{entry.place}.export.output_dir",
                    hint="name another one, or give the entry a name",
                )
        found[entry] = folder
    return {entry: found[entry] for entry in entries}


def look(entry: Entry, folder: Path, project: Project) -> Artifact:
    """What there is of an entry's artifact."""
    wanted = wanted_of(entry, locks.find(project.lock, entry))
    return told(wanted, folder, examined(folder, wanted))


def told(wanted: Wanted, folder: Path, found: Found) -> Artifact:
    """What there is to say of a folder."""
    said = found.record or {}
    status = "whole"
    if found.stale or found.changed:
        status = "missing" if found.record is None and not found.added else "stale"
    return Artifact(
        id=wanted.entry.name or wanted.entry.id,
        folder=folder,
        required=wanted.entry.required,
        status=status,  # type: ignore[arg-type] # one of three words
        task=said.get("task") if isinstance(said.get("task"), str) else None,
        opset=said.get("opset") if isinstance(said.get("opset"), int) else None,
        bytes=found.bytes or None,
        reasons=(*found.stale, *found.changed, *(found.added if found.record is None else ())),
    )


def examined(folder: Path, wanted: Wanted) -> Found:
    """What lies in a folder."""
    try:
        with remembering(folder) as is_right:
            return examine(folder, wanted, is_right=is_right)
    except OSError as error:
        return Found(stale=(f"it cannot be read: {error.strerror or error}",), changed=("it cannot be read",))


@contextmanager
def remembering(folder: Path) -> Iterator[Callable[[Path, str], bool]]:
    """What says whether a file has a sha256: it reads once what nobody has touched since."""
    place = configuration.home() / "prewarm" / "artifacts" / f"{key_of(folder.absolute())}.json"
    known = read_table(place)
    seen: dict[str, Any] = {}

    def is_right(path: Path, sha256: str) -> bool:
        status = path.stat()
        stamp = [sha256, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
        if known.get(str(path)) != stamp and sha256_of(path) != sha256:
            return False
        seen[str(path)] = stamp
        return True

    yield is_right
    if not seen.items() <= known.items():
        write_table(place, {**known, **seen})
