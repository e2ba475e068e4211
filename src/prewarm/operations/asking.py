"""Asks entries that are in the cache, offline, in a worker of their own. Changes with what such an entry needs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prewarm.cache import scan
from prewarm.cache.installed import versions_of
from prewarm.flow.account import Tools
from prewarm.flow.apply import apply
from prewarm.flow.resolve import from_cache
from prewarm.hub import configuration
from prewarm.lock import file as locks
from prewarm.operations.project import Project
from prewarm.operations.tools import Work, tools
from prewarm.records.entry import Entry
from prewarm.records.errors import CacheError
from prewarm.records.events import Observer
from prewarm.records.lock import LockedEntry
from prewarm.records.proof import Continued
from prewarm.records.sample import Answer, Sample
from prewarm.samples import ANSWER, asked_of, read_answers
from prewarm.worker.temporary import OwnFolder

_QUESTION_S = 60.0
"""That one question may take, beside the loading."""
_AT_ONCE = 1000
"""Questions to one load of a model."""
LIBRARIES = ("torch", "transformers", "tokenizers")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What an entry answered."""

    answers: Sequence[Answer | str]
    """To each question, or what kept the model from answering it."""
    process: Continued
    locked: LockedEntry


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What entries are asked with."""

    project: Project
    using: Tools
    folder: Path
    """That the worker sees, for the files of questions."""


@contextmanager
def asking(project: Project, observe: Observer, environ: Mapping[str, str]) -> Iterator[Desk]:
    """What entries are asked with: nobody is sent a request."""
    with tools(project, observe, environ, Work(asks_nobody=True)) as using, OwnFolder() as folder:
        yield Desk(project=project, using=using, folder=folder)


def ask(entry: Entry, samples: Sequence[Sample], desk: Desk) -> Asked:
    """The answers to samples, whose files are there.

    Raises:
        CacheError: the entry's files are not all in the cache.
        ProofError: it does not load, or the process dies.
    """
    locked = in_cache(entry, desk)
    base = desk.project.manifest.path.absolute().parent
    with tempfile.TemporaryDirectory(dir=desk.folder) as own:
        return ask_locked(locked, asked_of(samples, base, Path(own)), desk)


def ask_locked(locked: LockedEntry, questions: Sequence[Mapping[str, Any]], desk: Desk) -> Asked:
    """The answers to what a worker is asked, of what is in the cache.

    Raises:
        ProofError: it does not load, or the process dies.
    """
    entry = locked.entry
    answers: list[Answer | str] = []
    process: Continued | None = None
    # In parts: the answer of a process has an end, and a set of cases may have none.
    for start in range(0, max(1, len(questions)), _AT_ONCE):
        part = list(questions[start : start + _AT_ONCE])
        given = {"questions": part, "generation": dict(entry.generation), "seed": entry.seed}
        timeout_s = desk.project.settings.proof_timeout_s + _QUESTION_S * len(part)
        process = apply(locked, ANSWER, given, desk.using, folder=desk.folder, timeout_s=timeout_s)
        answers += read_answers(process.told, len(part))
    assert process is not None, "there is one part at least"
    return Asked(answers=answers, process=process, locked=locked)


def in_cache(entry: Entry, desk: Desk) -> LockedEntry:
    """What of an entry is in the cache.

    Raises:
        CacheError: it is not all there.
    """
    locked = locks.find(desk.project.lock, entry)
    if locked is None and (recalled := from_cache(entry, desk.using.cache)) is not None:
        locked = recalled.locked
    if locked is None:
        raise CacheError("not-found", "it is neither locked nor in the cache", hint="prewarm")
    there = desk.using.cache.scan(locked)
    lost = [file.path for repo, file in locked.files if (repo.repo, file.path) not in there]
    if lost:
        said = f"{len(lost)} of its files {'is' if len(lost) == 1 else 'are'} not in the cache: {', '.join(lost[:3])}"
        raise CacheError("not-found", said, hint="prewarm")
    if moved := scan.moved(configuration.cache_root(), locked):
        # The application would get that one, and so would the question.
        said = f"{moved[0].repo.revision} of {moved[0].repo.repo_id} is another commit in the cache than in the lock"
        raise CacheError("not-found", said, hint="prewarm")
    return locked


def versions_now() -> dict[str, str]:
    """Of what an answer depends on."""
    return {name: version for name, version in versions_of(LIBRARIES).items() if version is not None}
