"""What a mirror answers to which address. Changes with what clients ask a Hub for."""

from __future__ import annotations

import hmac
import stat
from collections.abc import Mapping
from urllib.parse import parse_qs

from prewarm.mirror.counts import Counts
from prewarm.mirror.shelf import Shelf
from prewarm.records import names
from prewarm.records.listing import Listing, Repo
from prewarm.wire import addresses, contents, reading
from prewarm.wire.addresses import Address
from prewarm.wire.answers import LEFT_OUT, Answer, api_error, json_answer

_OPEN = ("/health", "/metrics")
"""What is answered without the token: whoever watches a server has none."""
_NAME = "prewarm-mirror"


class Routes:
    """Answers reads, and nothing else.

    Args:
        shelf: what there is.
        counts: what was answered so far.
        token: that clients have to show; None: none.
    """

    def __init__(self, shelf: Shelf, counts: Counts, token: str | None) -> None:
        self._shelf = shelf
        self._counts = counts
        self._token = token
        self.is_ending = False

    def answer(self, method: str, path: str, query: str, authorization: str | None, body: bytes) -> Answer:
        """The answer to a request."""
        if path in _OPEN and method in reading.READS:
            return self._health() if path == "/health" else self._metrics()
        if not self._is_allowed(authorization):
            return api_error(401, "this prewarm mirror asks for its own token, in HF_TOKEN")
        if method not in reading.READS and not (method == "POST" and "/paths-info/" in path):
            return api_error(405, "this mirror is read-only", headers={"Allow": "GET, HEAD"})
        if path.strip("/") == "":
            return Answer(status=200, headers={"Content-Type": "text/plain; charset=utf-8"}, body=_GREETING)
        asked = addresses.parse(path)
        if path.startswith("/api/") and (said := self._of_none(path, parse_qs(query), authorization)) is not None:
            return said
        if asked is None or not (names.is_repo_id(asked.repo_id) and names.is_revision(asked.revision)):
            return api_error(404, "Sorry, we can't find the page you are looking for.")
        repo = Repo(repo_id=asked.repo_id, revision=asked.revision, repo_type=asked.repo_type)
        if not self._shelf.has(repo):
            # As the Hub, which tells nobody that a repository is private.
            why = f"{asked.repo_id} is not in this prewarm mirror"
            return api_error(401 if authorization is None else 404, why, code="RepoNotFound")
        return self._of_a_repository(asked, repo, query, body)

    def _of_a_repository(self, asked: Address, repo: Repo, query: str, body: bytes) -> Answer:
        if asked.word == "refs":
            return json_answer(contents.refs(self._shelf.refs(repo)))
        listing = self._shelf.listing(repo)
        if listing is None:
            return api_error(404, f"Invalid rev id: {asked.revision}", code="RevisionNotFound")
        if asked.word == "resolve":
            return self._file(asked, listing)
        return reading.api(asked, listing, parse_qs(query), body) or api_error(404, "nothing that a mirror answers")

    def _file(self, asked: Address, listing: Listing) -> Answer:
        file = listing.find(asked.path)
        if file is None and self._shelf.is_left_out(listing, asked.path):
            # It exists: a client that is told that it does not makes up what is in it, and remembers that.
            said = f"this prewarm mirror has only what its lock names of {asked.repo_id}, and not {asked.path}"
            return api_error(403, said, code=LEFT_OUT)
        if file is None:
            return reading.absent(listing.commit)
        content = self._shelf.content(listing, file)
        status = self._shelf.status(listing, content)
        if status is None or status.st_size != file.size or not stat.S_ISREG(status.st_mode):
            # Never a wrong byte, and never a word that a client takes for: there is no such file.
            return api_error(503, f"{file.path} is not in the mirror's cache any more")
        return reading.sent(listing.commit, file, content)

    def _of_none(self, path: str, asked: Mapping[str, list[str]], authorization: str | None) -> Answer | None:
        """What the API says that is of no single repository."""
        if path.startswith("/api/whoami"):
            if self._token is None or authorization is None:
                return api_error(401, "Invalid username or password.")
            return json_answer({"type": "user", "name": _NAME, "fullname": _NAME, "orgs": []})
        word = path.removeprefix("/api/").rstrip("/")
        if word in addresses.TYPES:
            ids = self._shelf.ids(addresses.TYPES[word])
            author, search = (asked.get(key, [""])[0].lower() for key in ("author", "search"))
            start = f"{author}/" if author else ""
            wanted = [one for one in ids if search in one.lower() and one.lower().startswith(start)]
            return json_answer([{"id": repo_id} for repo_id in wanted])
        return None

    def _is_allowed(self, authorization: str | None) -> bool:
        if self._token is None:
            return True
        scheme, _, said = (authorization or "").partition(" ")
        is_right = hmac.compare_digest(said.strip().encode("utf-8", "surrogateescape"), self._token.encode())
        return is_right and scheme.lower() == "bearer"

    def _health(self) -> Answer:
        if self.is_ending:
            return api_error(503, "it is ending")
        return json_answer(
            {"ok": True, "models": len(self._shelf.ids("model")), "datasets": len(self._shelf.ids("dataset"))}
        )

    def _metrics(self) -> Answer:
        said = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return Answer(status=200, headers=said, body=self._counts.text().encode())


_GREETING = b"""A prewarm mirror: a Hub of what one lock names. Set HF_ENDPOINT to this address, and use it as the Hub.
/health says whether it works, /metrics what it has answered.
"""
