"""What the planning has been told so far, and how it asks for more. Changes when it has to know something else."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from prewarm.records.errors import PlanError
from prewarm.records.listing import Listing, Repo
from prewarm.records.units import size

DOCUMENT_MAX_BYTES = 32 << 20
"""The largest that is known: an index of 12 MB, of a model with 100,000 tensors."""


class Needs(Exception):
    """The planning cannot go on without these; tell it, and start it again.

    Attributes:
        repos: whose listings it needs.
        documents: (repository, path) of the files whose content it needs; all of them are files of the plan.
    """

    def __init__(self, *, repos: Collection[Repo] = (), documents: Collection[tuple[Repo, str]] = ()) -> None:
        super().__init__("more has to be known")
        self.repos = tuple(repos)
        self.documents = tuple(documents)


@dataclass(frozen=True, kw_only=True)
class Known:
    """Listings and the content of small files."""

    listings: Mapping[Repo, Listing] = field(default_factory=dict)
    documents: Mapping[tuple[Repo, str], bytes] = field(default_factory=dict)

    def listing(self, repo: Repo) -> Listing:
        """The listing of ``repo``.

        Raises:
            Needs: it is not known yet.
        """
        if repo not in self.listings:
            raise Needs(repos=[repo])
        return self.listings[repo]

    def paths(self, repo: Repo) -> frozenset[str]:
        """The paths of all files of ``repo``."""
        return frozenset(file.path for file in self.listing(repo).files)

    def ask(self, repo: Repo, paths: Collection[str]) -> None:
        """Ask for the content of several files at once, where they exist and are not known.

        Raises:
            Needs: they are not known yet.
            PlanError: one is too large to be read.
        """
        listed = self.paths(repo)
        missing = [(repo, path) for path in paths if path in listed and (repo, path) not in self.documents]
        for _, path in missing:
            file = self.listing(repo).find(path)
            if file is not None and file.size > DOCUMENT_MAX_BYTES:
                raise PlanError(
                    "load-error",
                    f"{path} of {repo.repo_id} has {size(file.size)}, and the planning reads at most "
                    f"{size(DOCUMENT_MAX_BYTES)} of a file",
                    hint="fetch the files by name and load none: include = […]",
                )
        if missing:
            raise Needs(documents=missing)

    def text(self, repo: Repo, path: str) -> str:
        """The content of a text file."""
        self.ask(repo, [path])
        return self.documents[repo, path].decode("utf-8", errors="replace")

    def table(self, repo: Repo, path: str) -> Mapping[str, Any]:
        """The content of a JSON file; an empty one where the file does not exist.

        Raises:
            PlanError: the file holds no JSON object.
        """
        if path not in self.paths(repo):
            return {}
        content = self._json(repo, path)
        if not isinstance(content, dict):
            raise _no_json(repo, path, "object")
        return content

    def items(self, repo: Repo, path: str) -> list[Any]:
        """The content of a JSON file that holds a list.

        Raises:
            PlanError: the file holds none.
        """
        content = self._json(repo, path)
        if not isinstance(content, list):
            raise _no_json(repo, path, "list")
        return content

    def _json(self, repo: Repo, path: str) -> Any:
        try:
            return json.loads(self.text(repo, path))
        except (ValueError, RecursionError):
            return None


def _no_json(repo: Repo, path: str, what: str) -> PlanError:
    return PlanError("load-error", f"{path} of {repo.repo_id} holds no JSON {what}", hint="tell the repository's owner")
