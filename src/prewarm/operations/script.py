"""Writes the manifest as one file that needs no prewarm. Changes with what has to be locked before."""

from __future__ import annotations

from pathlib import Path

from prewarm.authoring.script import render
from prewarm.cache.place import write_text
from prewarm.flow.ready import mode_of
from prewarm.lock import file as locks
from prewarm.operations.project import Project, refuse_out_of_date
from prewarm.records.errors import CommandError, LockError


def write_script(project: Project, target: Path) -> int:
    """Write the file, and give how many entries are in it.

    Args:
        project: the entries, locked.
        target: the file.

    Raises:
        LockError: an entry is not locked, or not whole.
        CommandError: the file cannot be written.
    """
    try:
        refuse_out_of_date(project.lock, project.lock_path, project.entries, is_whole=True)
    except LockError as error:
        raise LockError(error.message, hint="lock everything first: prewarm lock") from None
    found = [locked for entry in project.entries if (locked := locks.find(project.lock, entry)) is not None]
    unknown = [one.entry.id for one in found if not one.is_complete]
    if unknown:
        raise LockError(
            f"what {unknown[0]} asks for is seen when it is first loaded", hint="make everything ready first: prewarm"
        )
    _refuse_other(target)
    text = render(found, {one.entry: mode_of(one.entry, project.settings.proof) == "load" for one in found})
    try:
        if not target.parent.is_dir():
            raise CommandError(f"there is no folder {target.parent}", hint="make it, or name another file: -o FILE")
        write_text(target, text)
        target.chmod(0o755)
    except OSError as error:
        raise CommandError(f"{target} cannot be written: {error.strerror}", hint="name another file: -o FILE") from None
    return len(found)


def _refuse_other(target: Path) -> None:
    """Raise CommandError where ``target`` is something else than such a file."""
    if target.is_dir():
        raise CommandError(f"{target} is a folder", hint=f"name the file: -o {target / 'download_models.py'}")
    try:
        before = target.read_text(encoding="utf-8", errors="replace") if target.exists() else ""
    except OSError as error:
        raise CommandError(f"{target} cannot be read: {error.strerror}", hint="name another file: -o FILE") from None
    if before.strip() and not all(mark in before for mark in ("# /// script", "SIMPLE_MODELS", "LOCKED")):
        raise CommandError(f"{target} is there, and is something else", hint="name another file: -o FILE")
