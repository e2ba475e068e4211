"""What the Hub lists of a repository. Changes with what is known of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

RepoType = Literal["model", "dataset"]
DigestAlgorithm = Literal["sha256", "git-sha1"]

SIZE_MAX = 1 << 50
"""Bytes of the largest file that is believed; the Hub takes none over 500 GB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Digest:
    """What the Hub's listing says that the bytes of a file hash to."""

    algorithm: DigestAlgorithm
    """``sha256`` of the content for LFS files, git's blob ``sha1`` for all others."""
    value: str
    """Lower-case hexadecimal: 64 digits for sha256, 40 for git-sha1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RepoFile:
    """One file of a repository at a commit."""

    path: str
    """Relative to the repository's root, with forward slashes."""
    size: int
    """Bytes."""
    digest: Digest
    code_sha256: str = ""
    """For Python files that are run: the sha256 of what was read when it was locked; else empty."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Repo:
    """A repository at a revision: what is asked of the Hub."""

    repo_id: str
    """``name`` or ``namespace/name``."""
    revision: str = "main"
    """Branch, tag or commit."""
    repo_type: RepoType = "model"

    @property
    def folder(self) -> str:
        """How huggingface_hub's cache calls its folder: ``models--namespace--name``."""
        return "--".join([f"{self.repo_type}s", *self.repo_id.split("/")])


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """What the Hub says that a repository consists of."""

    repo: Repo
    commit: str
    """40 hexadecimal digits."""
    files: tuple[RepoFile, ...]
    odd: tuple[str, ...] = ()
    """Files whose names no folder here can hold, or no terminal can show: they can be named, and not be had."""
    gated: bool = False
    """Whether the repository's files ask for the owner's consent, by its listing: a hint, as a mirror may hold it."""
    served_as: str = ""
    """The id that the Hub answers with, where the repository was renamed: asking for it saves a redirect a file."""
    made_for: str = ""
    """The library that the repository is for, as its owner says (``library_name``): used in hints alone."""
    pipeline_tag: str = ""
    """The task that the repository is for, as the Hub tells: used in suggestions alone."""
    license: str = ""
    """As its owner names it (``license`` of the card), such as ``apache-2.0``; empty: not at all."""

    def find(self, path: str) -> RepoFile | None:
        """The file at ``path``, or None."""
        return next((file for file in self.files if file.path == path), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """What is remembered of a listing."""

    files: Mapping[str, int]
    """Path to size, in bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """The Hub's refusal of a repository: a process that asked for it may not have it, or it is not there."""

    status: int
    """Of HTTP: 401, 403 or 404."""
    message: str
