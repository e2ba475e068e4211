"""Hashes every file of an entry again. Changes with what of a file is looked at."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from prewarm.flow.ports import Cache
from prewarm.flow.stages import ending, result_of
from prewarm.flow.stop import Stop
from prewarm.records.entry import Entry
from prewarm.records.errors import CacheError
from prewarm.records.events import FileHashed, HashingStarted, Observer
from prewarm.records.listing import RepoFile
from prewarm.records.lock import LockedEntry, LockedRepo

Pair = tuple[LockedRepo, RepoFile]


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What is wrong with the files of an entry; nothing where both are empty."""

    damaged: tuple[Pair, ...] = ()
    missing: tuple[Pair, ...] = ()
    unreadable: tuple[CacheError, ...] = ()
    """What keeps files from being read: of those nothing is known."""

    @property
    def bad(self) -> tuple[Pair, ...]:
        """The files to be fetched again."""
        return self.damaged + self.missing

    def error(self) -> CacheError | None:
        """What to say of it."""
        if self.unreadable:
            return self.unreadable[0]
        said = [
            f"{', '.join(file.path for _, file in pairs)} {what}"
            for pairs, what in (
                (self.damaged, "is damaged" if len(self.damaged) == 1 else "are damaged"),
                (self.missing, "is missing" if len(self.missing) == 1 else "are missing"),
            )
            if pairs
        ]
        if not said:
            return None
        return CacheError("corrupt", "; ".join(said), hint="prewarm verify --repair")


def verify(
    entries: Sequence[LockedEntry],
    cache: Cache,
    is_right: Callable[[Path, RepoFile, Callable[[int], None]], bool | None],
    observe: Observer,
) -> Mapping[Entry, Verified]:
    """Hash every file of the entries, each once, on every core.

    Args:
        entries: what is locked.
        cache: where the files are.
        is_right: whether the file at a path has the content that is listed; None: it is not there.
        observe: is told of every piece.

    Returns:
        What is wrong with the files of each entry.
    """
    paths = {cache.path(repo, file.path): file for entry in entries for repo, file in entry.files}

    observe(HashingStarted(files=len(paths), bytes=sum(file.size for file in paths.values())))
    stop = Stop()

    def look(path: Path, file: RepoFile) -> bool | CacheError | None:
        def read(count: int) -> None:
            # Told of every piece: a file of many gigabytes need not come to its end after an interrupt.
            stop.check()
            observe(FileHashed(path=file.path, bytes=count))

        try:
            return is_right(path, file, read)
        except CacheError as error:
            return error

    # The largest first, so that none of them is alone at the end.
    ordered = sorted(paths.items(), key=lambda item: -item[1].size)
    with ending(ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="hash"), stop.set) as threads:
        futures = {path: threads.submit(look, path, file) for path, file in ordered}
        found = {path: result_of(future) for path, future in futures.items()}

    def those(entry: LockedEntry, state: bool | None) -> tuple[Pair, ...]:
        return tuple(pair for pair in entry.files if found[cache.path(pair[0], pair[1].path)] is state)

    def unreadable(entry: LockedEntry) -> tuple[CacheError, ...]:
        states = (found[cache.path(repo, file.path)] for repo, file in entry.files)
        return tuple(state for state in states if isinstance(state, CacheError))

    return {
        locked.entry: Verified(damaged=those(locked, False), missing=those(locked, None), unreadable=unreadable(locked))
        for locked in entries
    }
