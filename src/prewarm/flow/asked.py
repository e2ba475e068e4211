"""What a child process asks for, and gets, through the gateway. Changes with what it may have."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from prewarm.flow.account import Account, Tools
from prewarm.flow.fetch import fetch
from prewarm.flow.unsafe import refuse_unsafe
from prewarm.plan import matches_any
from prewarm.records import names
from prewarm.records.errors import HubError, ProofError
from prewarm.records.listing import Listing, Refused, Repo, RepoFile
from prewarm.records.lock import LockedRepo
from prewarm.records.units import size

_PASSED_ON: Mapping[str, int] = {"not-found": 404, "gated": 403, "unauthorized": 401}
"""Refusals of repositories that are the child's to hear, and their statuses."""
_ASKED_PER_REPO = 4
"""Repositories that may be asked about, for each that may give files."""
_ABSENT_MAX = 2000
"""Names of one repository that are kept as absent: code may ask for any number of them."""


class Asked:
    """The engine, as far as a child may use it.

    Args:
        repos: what is the child's own, at the commits that are locked.
        tools: what the run works with.
        account: is told what it costs.
        exclude: globs of files of ``repos`` that it is not to have.
        looks: whether files that run something as they are opened are refused.
    """

    def __init__(
        self,
        repos: Collection[LockedRepo],
        tools: Tools,
        account: Account,
        *,
        exclude: Collection[str] = (),
        looks: bool = True,
    ) -> None:
        self._looks = looks
        self._own = {repo.repo: repo.commit for repo in repos}
        self._tools = tools
        self._account = account
        self._exclude = exclude
        self._lock = threading.Lock()
        self._listings: dict[Repo, Listing] = {}
        self._shown: dict[Repo, Listing | Refused] = {}
        """As the child sees them."""
        self._given: dict[Repo, dict[str, RepoFile]] = defaultdict(dict)
        self._given_bytes = 0
        self._absent: dict[Repo, set[str]] = defaultdict(set)
        self.refused: dict[Repo, str] = {}
        """Why it did not get what it asked for."""

    @property
    def listings(self) -> Mapping[Repo, Listing]:
        """What the Hub lists of the repositories that it asked for."""
        return dict(self._listings)

    def listing(self, repo: Repo) -> Listing | Refused:
        """The commit and the files of a repository: of the child's own ones at the locked commits.

        Raises:
            HubError: it cannot be had.
            ProofError: it asks for too many.
        """
        repo = self._named(repo)
        with self._lock:
            if repo in self._shown:
                return self._shown[repo]
            if len(self._listings) + len(self.refused) >= self._askable:
                raise ProofError(
                    "unsafe",
                    f"its loading asks about more than {self._askable} repositories",
                    hint="look at what its code does; if it is right, raise discovery_max_repos in [settings]",
                )
        commit = self._own.get(repo) or self._tools.pins.get(repo) or repo.revision
        try:
            found = self._tools.hub.listing(replace(repo, revision=commit), self._account.add)
        except HubError as error:
            if repo in self._own or error.kind not in _PASSED_ON:
                raise
            refusal = Refused(status=_PASSED_ON[error.kind], message=error.message)
            with self._lock:
                self.refused[repo], self._shown[repo] = error.message, refusal
            return refusal
        found = replace(found, repo=repo)
        with self._lock:
            self._listings[repo] = found
            shown = self._shown[repo] = self._less(found)
        return shown

    def bring(self, listing: Listing, file: RepoFile) -> Path:
        """The content of a file in the cache, verified.

        Raises:
            HubError, CacheError: it cannot be had.
            ProofError: that would be too much.
        """
        repo = LockedRepo(repo=listing.repo, commit=listing.commit, files=(file,), served_as=listing.served_as)
        with self._lock:
            if file.path not in self._given[listing.repo]:
                self._admit(listing.repo, file)
                self._given[listing.repo][file.path] = file
                self._given_bytes += file.size
        if not self._tools.cache.has(repo, file):
            self._tools.cache.reserve([(repo, file)])
            try:
                fetch([(repo, file)], self._tools, self._account)
            finally:
                self._tools.cache.release([(repo, file)])
        if self._looks:
            refuse_unsafe(self._account.entry, repo, file, self._tools)
        return self._tools.cache.content(repo, file)

    def lacks(self, listing: Listing, path: str) -> None:
        """Keep in mind that the repository does not have ``path``; what is excluded it has."""
        with self._lock:
            names_ = self._absent[listing.repo]
            if len(names_) < _ABSENT_MAX and self._listings[listing.repo].find(path) is None:
                names_.add(path)

    def repos(self, before: Collection[LockedRepo]) -> tuple[LockedRepo, ...]:
        """``before``, with all that was given, and what is not there."""
        found = {repo.repo: repo for repo in before}
        for repo, listing in self._listings.items():
            given, absent = self._given.get(repo, {}), self._absent.get(repo, set())
            known = found.get(repo)
            if known is None and not given:
                # It was only asked about.
                continue
            known = known or LockedRepo(
                repo=repo,
                commit=listing.commit,
                files=(),
                served_as=listing.served_as,
                license=listing.license,
                gated=listing.gated,
            )
            files = {**given, **{file.path: file for file in known.files}}
            found[repo] = replace(
                known,
                files=tuple(files[path] for path in sorted(files)),
                absent=tuple(sorted({*known.absent, *absent})),
            )
        return tuple(found.values())

    @property
    def _askable(self) -> int:
        return len(self._own) + _ASKED_PER_REPO * (1 + self._tools.bounds.repos)

    def _named(self, repo: Repo) -> Repo:
        """The repository by the name that it was first asked for by: a client goes on with the commit."""
        if names.is_commit(repo.revision):
            known = {**self._own, **{listed: listing.commit for listed, listing in self.listings.items()}}
            for other, commit in known.items():
                if commit == repo.revision and (other.repo_id, other.repo_type) == (repo.repo_id, repo.repo_type):
                    return other
        return repo

    def _less(self, listing: Listing) -> Listing:
        if listing.repo not in self._own or not self._exclude:
            return listing
        kept = tuple(file for file in listing.files if not matches_any(file.path, self._exclude))
        return replace(listing, files=kept)

    def _admit(self, repo: Repo, file: RepoFile) -> None:
        bounds = self._tools.bounds
        further = {repo, *(other for other, files in self._given.items() if files)} - set(self._own)
        if len(further) > bounds.repos:
            raise ProofError(
                "unsafe",
                f"its loading asks for files of more than {bounds.repos} further repositories: "
                + ", ".join(sorted(other.repo_id for other in further)[:3]),
                hint=f"if that is right, write: [settings] discovery_max_repos = {len(further)}",
            )
        if (total := self._given_bytes + file.size) > bounds.bytes:
            raise ProofError(
                "unsafe",
                f"its loading asks for {size(total)}, and {size(bounds.bytes)} are allowed ({file.path} last)",
                hint=f"if that is right, raise discovery_max_bytes in [settings], to {total} at least",
            )
