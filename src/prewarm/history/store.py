"""The file of SQLite. Changes with its tables; a newer form of them is another number.

A row is a transaction of its own, written ahead and synced: what was found out before a kill is there afterwards.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

from prewarm.records.errors import HistoryError
from prewarm.records.history import Note, Row, RowKind

FORM = 1
WAIT_S = 10.0
"""That another run's transaction is waited for."""
_APPLICATION = 0x70726577
"""Says in the file's head whose it is."""
_TABLES = """
create table row (
    id integer primary key, at text not null, kind text not null, entry text not null, commit_id text not null,
    result text not null, versions text not null, machine text not null, figures text not null
);
create index row_entry on row (entry, commit_id);
create table note (
    id integer primary key, at text not null, entry text not null, commit_id text not null, text text not null
);
"""


class Store:
    """A history.

    Args:
        path: of the file; it is made where it is missing.
        wait_s: the longest that another run is waited for, in seconds.

    Raises:
        HistoryError: the file is none of ours, of a newer form, locked, or cannot be written.
    """

    def __init__(self, path: Path, *, wait_s: float = WAIT_S) -> None:
        self._path = path
        # Rows come from whichever thread an entry ended in.
        self._alone = threading.Lock()
        self.damaged: list[int] = []
        """Numbers of rows that could not be read, and were left out."""
        with self._told():
            self._file = sqlite3.connect(path, timeout=wait_s, check_same_thread=False, isolation_level=None)
        try:
            with self._told():
                self._open()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def hurry(self) -> None:
        """Wait for nobody any more."""
        self._file.execute("pragma busy_timeout = 0")

    def add(self, row: Row) -> None:
        """Keep a row.

        Raises:
            HistoryError: it cannot be written.
        """
        figures = json.dumps(row.figures, sort_keys=True)
        versions = json.dumps(row.versions, sort_keys=True)
        with self._alone, self._told():
            self._file.execute(
                "insert into row (at, kind, entry, commit_id, result, versions, machine, figures)"
                " values (?, ?, ?, ?, ?, ?, ?, ?)",
                (row.at, row.kind, row.entry, row.commit, row.result, versions, row.machine, figures),
            )

    def add_note(self, note: Note) -> None:
        """Keep a note.

        Raises:
            HistoryError: it cannot be written.
        """
        with self._alone, self._told():
            self._file.execute(
                "insert into note (at, entry, commit_id, text) values (?, ?, ?, ?)",
                (note.at, note.entry, note.commit, note.text),
            )

    def rows(self, entry: str | None = None) -> list[Row]:
        """The rows of an entry, or all, the oldest first.

        Raises:
            HistoryError: they cannot be read.
        """
        with self._alone, self._told():
            found = self._file.execute(
                "select id, at, kind, entry, commit_id, result, versions, machine, figures from row"
                " where ? is null or entry = ? order by id",
                (entry, entry),
            ).fetchall()
        rows = []
        for number, at, kind, name, commit, result, versions, machine, figures in found:
            try:
                _look_at(at, name, commit, result, machine)
                row = Row(
                    at=at, kind=_kind(kind), entry=name, commit=commit, result=result,
                    versions=_table(versions), machine=machine, figures=_table(figures),
                )  # fmt: skip
            except (ValueError, TypeError, RecursionError):
                self.damaged.append(number)
                continue
            rows.append(row)
        return rows

    def notes(self, entry: str | None = None) -> list[Note]:
        """The notes of an entry, or all, the oldest first.

        Raises:
            HistoryError: they cannot be read.
        """
        with self._alone, self._told():
            found = self._file.execute(
                "select at, entry, commit_id, text from note where ? is null or entry = ? order by id", (entry, entry)
            ).fetchall()
        return [
            Note(at=at, entry=name, commit=commit, text=text)
            for at, name, commit, text in found
            if all(isinstance(said, str) for said in (at, name, commit, text))
        ]

    def _open(self) -> None:
        form = self._value("pragma user_version")
        whose = self._value("pragma application_id")
        if form == 0 and whose == 0 and self._value("select count(*) from sqlite_master") == 0:
            self._make()
        elif whose != _APPLICATION:
            raise HistoryError(
                f"{self._path} is a database of somebody else", hint='another file: [settings] history = "prewarm.db"'
            )
        elif form != FORM:
            newer = form > FORM
            raise HistoryError(
                f"{self._path} is of form {form}, and this prewarm knows {FORM}",
                hint="pip install -U hf-prewarm" if newer else "an older prewarm reads it; or name another file",
            )
        self._file.execute("pragma synchronous = full")

    def _make(self) -> None:
        self._file.execute("pragma journal_mode = wal")
        self._file.execute("begin immediate")
        try:
            # Another run may have been first.
            if self._value("pragma user_version") == 0:
                for statement in filter(str.strip, _TABLES.split(";")):
                    self._file.execute(statement)
                self._file.execute(f"pragma application_id = {_APPLICATION}")
                self._file.execute(f"pragma user_version = {FORM}")
            self._file.execute("commit")
        except BaseException:
            self._file.execute("rollback")
            raise

    def _value(self, statement: str) -> int:
        return int(self._file.execute(statement).fetchone()[0])

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What SQLite says, as an error for the user."""
        try:
            yield
        except sqlite3.OperationalError as error:
            said = str(error)
            if "locked" in said or "busy" in said:
                hint = "wait until the other one has ended; a file on a network drive cannot be shared"
                raise HistoryError(f"{self._path} is locked by another process", hint=hint) from None
            hint = 'a file that can be written: [settings] history = "prewarm.db"'
            raise HistoryError(f"{self._path} cannot be used: {said}", hint=hint) from None
        except sqlite3.DatabaseError as error:
            raise HistoryError(
                f"{self._path} is no history, or is damaged: {error}", hint="move it away; a new one is begun"
            ) from None


def _kind(said: str) -> RowKind:
    if said not in get_args(RowKind):
        raise ValueError(f"a row of kind {said!r:.40}")
    return said  # type: ignore[return-value] # one of them


def _look_at(*texts: object) -> None:
    """SQLite keeps in a column of texts whatever it is given."""
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a column with no text")


def _no_number(said: str) -> None:
    """NaN, which JSON does not know, is nothing."""
    del said


def _table(text: str) -> dict[str, Any]:
    found = json.loads(text, parse_constant=_no_number)
    if not isinstance(found, dict):
        raise TypeError("a row without a table")
    return found
