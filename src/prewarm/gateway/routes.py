"""What the gateway answers to which address. Changes with what clients ask a Hub for."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

from prewarm.gateway.child_cache import ChildCache
from prewarm.gateway.source import Source
from prewarm.records import names
from prewarm.records.listing import Listing, Refused, Repo
from prewarm.wire import addresses, contents, reading
from prewarm.wire.addresses import Address
from prewarm.wire.answers import Answer, api_error, json_answer

_CODES = {404: "RepoNotFound", 403: "GatedRepo", 401: "RepoNotFound"}


class Routes:
    """Answers reads, and nothing else.

    Args:
        source: what the answers are made of.
        cache: what the child sees.
    """

    def __init__(self, source: Source, cache: ChildCache) -> None:
        self._source = source
        self._cache = cache

    def answer(self, method: str, path: str, query: str, body: bytes) -> Answer:
        """The answer; what the source raises goes on.

        Args:
            method: of the request.
            path: of the request, below the secret.
            query: of the request.
            body: of the request.
        """
        asked = addresses.parse(path)
        if asked is None or not (names.is_repo_id(asked.repo_id) and names.is_revision(asked.revision)):
            # Who asks is nobody here: there is no account.
            return api_error(401 if path.startswith("/api/whoami") else 404, "nothing that prewarm answers")
        if method not in reading.READS and asked.word != "paths-info":
            return api_error(403, "prewarm answers reads alone")
        repo = Repo(repo_id=asked.repo_id, revision=asked.revision, repo_type=asked.repo_type)
        listing = self._source.listing(repo)
        if isinstance(listing, Refused):
            return api_error(listing.status, listing.message, code=_CODES.get(listing.status, ""))
        if asked.word == "resolve":
            return self._file(asked, repo, listing)
        return self._api(asked, listing, parse_qs(query), body)

    def _file(self, asked: Address, repo: Repo, listing: Listing) -> Answer:
        file = listing.find(asked.path)
        if file is None:
            if names.is_path(asked.path):
                self._source.lacks(listing, asked.path)
            return reading.absent(listing.commit)
        content = self._source.bring(listing, file)
        self._cache.show(repo, file, content)
        return reading.sent(listing.commit, file, content)

    def _api(self, asked: Address, listing: Listing, query: Mapping[str, list[str]], body: bytes) -> Answer:
        if asked.word == "refs":
            return json_answer(contents.refs({asked.revision: listing.commit}))
        return reading.api(asked, listing, query, body) or api_error(404, "nothing that prewarm answers")
