"""What the history says, and notes in it. Changes with what is asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prewarm.history import Store, compare, find_pair, find_version, versions_of
from prewarm.lock import file as locks
from prewarm.operations import output
from prewarm.operations.keeping import history_path, now
from prewarm.operations.project import Project
from prewarm.operations.wrapped import state
from prewarm.records.errors import CommandError, HistoryError
from prewarm.records.history import Comparison, Note, Version
from prewarm.records.text import harmless, has_half

_LONGEST_NOTE = 2000


@dataclass(frozen=True, kw_only=True)
class History:
    """What is known of versions."""

    path: Path
    versions: tuple[Version, ...]
    damaged: tuple[int, ...] = ()
    """Numbers of rows that cannot be read, and are left out."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two versions, and what is otherwise."""

    before: Version
    after: Version
    changes: tuple[Comparison, ...]

    @property
    def is_worse(self) -> bool:
        """Whether anything got worse."""
        return any(one.trend == "worse" for one in self.changes)


def read(project: Project, which: str | None) -> History:
    """The versions of an entry, or of all.

    Raises:
        HistoryError: there is no history, it cannot be read, or it has nothing of that entry.
    """
    path = _there(project)
    with Store(path) as store:
        names = _names(project, which)
        everything = store.rows()
        rows = [row for row in everything if names is None or row.entry in names]
        notes = [note for note in store.notes() if names is None or note.entry in names]
        known = sorted({row.entry for row in everything})
        damaged = tuple(store.damaged)
    if which is not None and not rows and not notes:
        raise HistoryError(f"nothing is known of '{which}'", hint=f"known are {', '.join(known) or 'none'}")
    return History(path=path, versions=versions_of(rows, notes), damaged=damaged)


def compared(found: History, before: str, after: str) -> Compared:
    """Two versions beside each other.

    Raises:
        HistoryError: one of them is not there, or they are of two entries.
    """
    one, other = find_pair(found.versions, before, after)
    return Compared(before=one, after=other, changes=compare(one, other))


def write_note(project: Project, which: str, text: str, commit: str | None) -> Note:
    """Write a note about an entry at a commit: the one that is locked, where none is named.

    Raises:
        CommandError: the note is empty, or there is no such entry or commit.
        HistoryError: it cannot be written.
    """
    if not text.strip():
        raise CommandError("the note is empty", hint='prewarm note ID "what is known of this version"')
    if len(text) > _LONGEST_NOTE or has_half(text):
        said = f"the note is no text of at most {_LONGEST_NOTE} characters"
        raise CommandError(said, hint='prewarm note ID "what is known of this version"')
    path = history_path(project)
    if path is None:
        raise _none_kept()
    name, current = _current(project, which)
    with Store(path) as store:
        if commit is not None:
            at = find_version(versions_of(store.rows(name), store.notes(name)), commit).commit
        elif current is None:
            raise CommandError(f"{name} is not locked", hint="prewarm, or --commit COMMIT")
        else:
            at = current
        note = Note(at=now(), entry=name, commit=at, text=harmless(text).strip())
        store.add_note(note)
    return note


def write_page(found: History, path: Path, result: Compared | None) -> None:
    """Write a page that can be sent.

    Raises:
        CommandError: it cannot be written.
        LoadError: matplotlib is missing, and there are curves.
    """
    output.look_at(path, "-o", ".html", ".htm")
    from prewarm.formats import history_page  # noqa: PLC0415 (draws)

    compared_ = (result.before, result.after, result.changes) if result is not None else None
    output.write(path, history_page.render(found.versions, compared_))


def _there(project: Project) -> Path:
    path = history_path(project)
    if path is None:
        raise _none_kept()
    if not path.exists():
        raise HistoryError(f"there is no history yet: {path}", hint="prewarm, or prewarm try: each leaves a row")
    return path


def _none_kept() -> HistoryError:
    return HistoryError("no history is kept", hint='write into the manifest:\n[settings]\nhistory = "prewarm.db"')


def _names(project: Project, which: str | None) -> Sequence[str] | None:
    """What an entry may be called in a row; None: all of them. Also one that the manifest has no more."""
    if which is None:
        return None
    found = [entry for entry in project.manifest.entries if entry.is_called(which)]
    return [which, *(entry.label for entry in found)]


def _current(project: Project, which: str) -> tuple[str, str | None]:
    """What an entry, or a wrapped model, is called, and its version now; None: it has none yet."""
    entries = [entry for entry in project.manifest.entries if entry.is_called(which)]
    wrapped = [one for one in project.manifest.wrapped if one.name == which]
    if len(entries) + len(wrapped) != 1:
        known = [entry.label for entry in project.manifest.entries] + [one.name for one in project.manifest.wrapped]
        said = f"{'more than one' if entries or wrapped else 'no'} entry is called '{which}'"
        raise CommandError(said, hint=f"known: {', '.join(known) or 'none'}")
    if wrapped:
        return wrapped[0].name, state(wrapped[0]).commit
    locked = locks.find(project.lock, entries[0])
    return entries[0].label, locked.commit if locked is not None else None
