"""Hashes every file of an entry again. Changes with what of a file is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from prewarm.flow.ports import Cache
from prewarm.records.errors import CacheError
from prewarm.records.events import FileHashed, Observer
from prewarm.records.listing import RepoFile
from prewarm.records.lock import LockedEntry, LockedRepo

Pair = tuple[LockedRepo, RepoFile]


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What is wrong with the files of an entry; nothing where both are empty."""

    damaged: tuple[Pair, ...] = ()
    missing: tuple[Pair, ...] = ()

    @property
    def bad(self) -> tuple[Pair, ...]:
        """The files to be fetched again."""
        return self.damaged + self.missing

    def error(self) -> CacheError | None:
        """What to say of it."""
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
    threads: Executor,
) -> Mapping[int, Verified]:
    """Hash every file of the entries, each once, several at a time.

    Args:
        entries: what is locked.
        cache: where the files are.
        is_right: whether the file at a path has the content that is listed; None: it is not there.
        observe: is told of every piece.
        threads: what hashes; as many as there are cores.

    Returns:
        What is wrong, by the entry's place in ``entries``.
    """
    paths = {cache.path(repo, file.path): file for entry in entries for repo, file in entry.files}

    def look(path: Path, file: RepoFile) -> bool | None:
        return is_right(path, file, lambda count: observe(FileHashed(path=file.path, bytes=count)))

    # The largest first, so that none of them is alone at the end.
    ordered = sorted(paths.items(), key=lambda item: -item[1].size)
    futures = {path: threads.submit(look, path, file) for path, file in ordered}
    found = {path: future.result() for path, future in futures.items()}

    def those(entry: LockedEntry, state: bool | None) -> tuple[Pair, ...]:
        return tuple(pair for pair in entry.files if found[cache.path(pair[0], pair[1].path)] is state)

    return {at: Verified(damaged=those(entry, False), missing=those(entry, None)) for at, entry in enumerate(entries)}
