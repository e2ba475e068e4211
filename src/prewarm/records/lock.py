"""What the lock says: commits and files. Changes with what is locked."""

from __future__ import annotations

from dataclasses import dataclass

from prewarm.records.entry import Application, Entry
from prewarm.records.listing import Repo, RepoFile


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedRepo:
    """The files that an entry needs of one repository, at a commit."""

    repo: Repo
    commit: str
    files: tuple[RepoFile, ...]
    served_as: str = ""
    """As in Listing."""
    absent: tuple[str, ...] = ()
    """Files that transformers looks for and the commit does not have."""
    license: str = ""
    """As in Listing."""
    gated: bool = False
    """As in Listing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedEntry:
    """An entry with every file that it needs; the first repository is its own."""

    entry: Entry
    repos: tuple[LockedRepo, ...]
    is_complete: bool = True
    """Whether every file is known that its loading asks for; where no rule tells, the first load does."""

    @property
    def commit(self) -> str:
        """The commit of the entry's own repository."""
        return self.repos[0].commit

    @property
    def files(self) -> tuple[tuple[LockedRepo, RepoFile], ...]:
        """Every file with the repository that it is in."""
        return tuple((repo, file) for repo in self.repos for file in repo.files)


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedApplication:
    """What an application's command asks for beyond the entries."""

    application: Application
    repos: tuple[LockedRepo, ...]

    @property
    def as_entry(self) -> LockedEntry:
        """What stands for it where entries are worked on."""
        return LockedEntry(entry=self.application.as_entry, repos=self.repos)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """For every entry of a manifest the commit that it resolves to, and the files that it needs."""

    entries: tuple[LockedEntry, ...] = ()
    applications: tuple[LockedApplication, ...] = ()
    strangers: tuple[LockedEntry, ...] = ()
    """What is locked and the manifest does not have, or no more so: the next run drops it. Of these entries only id,
    revision and kind are known."""
