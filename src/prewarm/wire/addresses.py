"""What an address of the Hub asks for. Changes with the Hub's routes."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from prewarm.records.listing import RepoType

TYPES: dict[str, RepoType] = {"models": "model", "datasets": "dataset"}
_WORDS = ("revision", "tree", "paths-info", "refs", "commits", "xet-read-token")


@dataclass(frozen=True, kw_only=True)
class Address:
    """A repository, and what of it is asked for."""

    repo_type: RepoType
    repo_id: str
    word: str
    """``resolve`` for a file; of the API ``revision``, ``tree``, ``paths-info``, ``refs``, ``commits``, …"""
    revision: str = "main"
    path: str = ""
    """Of a file or a folder."""
    tail: str = ""
    """The address from the word on, as it was written; empty where the repository alone is named."""


def parse(path: str) -> Address | None:
    """What ``path``, without its query, asks for; None: nothing that is of a repository."""
    # As the Hub does: a step that stays where it is counts for nothing.
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if parts[:1] == ["api"]:
        return _of_the_api(TYPES[parts[1]], parts[2:]) if len(parts) > 2 and parts[1] in TYPES else None
    return _of_a_file(parts) if "resolve" in parts else None


def _of_the_api(repo_type: RepoType, parts: list[str]) -> Address | None:
    at = next((place for place in (1, 2) if parts[place : place + 1] and parts[place] in _WORDS), None)
    if at is None:
        return Address(repo_type=repo_type, repo_id="/".join(parts), word="revision") if len(parts) <= 2 else None
    rest = parts[at + 1 :]
    return Address(
        repo_type=repo_type,
        repo_id="/".join(parts[:at]),
        word=parts[at],
        revision=unquote(rest[0]) if rest else "main",
        path=unquote("/".join(rest[1:])),
        tail="/".join(parts[at:]),
    )


def _of_a_file(parts: list[str]) -> Address | None:
    at = parts.index("resolve")
    owner, repo_type = parts[:at], "models"
    if len(owner) > 1 and owner[0] == "datasets":
        repo_type, owner = owner[0], owner[1:]
    if len(parts) < at + 3:
        return None
    return Address(
        repo_type=TYPES[repo_type],
        repo_id="/".join(owner),
        word="resolve",
        revision=unquote(parts[at + 1]),
        path=unquote("/".join(parts[at + 2 :])),
        tail="/".join(parts[at:]),
    )
