"""Rows to versions. Changes with what belongs together."""

from __future__ import annotations

from collections.abc import Sequence

from prewarm.records.errors import HistoryError
from prewarm.records.history import Note, Row, Version


def versions_of(rows: Sequence[Row], notes: Sequence[Note] = ()) -> tuple[Version, ...]:
    """The versions of entries, in the order in which they were first seen."""
    kept: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        kept.setdefault((row.entry, row.commit), []).append(row)
    for note in notes:
        kept.setdefault((note.entry, note.commit), [])
    return tuple(
        Version(
            entry=entry,
            commit=commit,
            rows=tuple(found),
            notes=tuple(note for note in notes if (note.entry, note.commit) == (entry, commit)),
        )
        for (entry, commit), found in kept.items()
    )


def find_pair(versions: Sequence[Version], before: str, after: str) -> tuple[Version, Version]:
    """Two versions of one entry, by the first characters of their commits.

    Raises:
        HistoryError: one is not there, or they are of two entries.
    """
    found = find_version(versions, before), find_version(versions, after)
    if found[0].entry != found[1].entry:
        said = f"{before} is a commit of {found[0].entry}, and {after} one of {found[1].entry}"
        raise HistoryError(said, hint="name two commits of one entry")
    return found


def find_version(versions: Sequence[Version], word: str) -> Version:
    """The version of a commit, or of its first characters.

    Raises:
        HistoryError: there is none, or more than one.
    """
    found = [one for one in versions if word and one.commit.startswith(word.lower())]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{one.commit[:7]} ({one.entry})" for one in versions[-5:]) or "none"
    if len({one.entry for one in found}) > 1:
        names = ", ".join(dict.fromkeys(one.entry for one in found))
        raise HistoryError(f"'{word}' is a commit of {names}", hint="name one: prewarm history ID --compare A B")
    many = "more than one commit begins" if found else "no commit begins"
    raise HistoryError(f"{many} with '{word}'", hint=f"the last ones are {known}")
