"""The Hub over HTTP: one listing a repository, one metered request a file. Changes with the routes."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from prewarm.errors import CacheError, HubError, Interrupted
from prewarm.hub import configuration, listing, refusals, session
from prewarm.hub.limits import Governor, parse_limit
from prewarm.hub.retry import retrying
from prewarm.observe import Observer
from prewarm.ports import Sink
from prewarm.records import Fetched, Listing, LockedRepo, Repo, RepoFile

_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')


class Client:
    """Asks the Hub that ``HF_ENDPOINT`` names, with the user's token.

    Args:
        max_wait_s: the longest that a run waits for rate limits, in total.
        observe: is told of retries and waits.
    """

    def __init__(self, *, max_wait_s: float, observe: Observer) -> None:
        self._endpoint = configuration.endpoint()
        self._token = session.token()
        self._headers = session.headers(self._token)
        self._governor = Governor(max_wait_s, observe)
        self._observe = observe
        self._listings: dict[Repo, Listing] = {}
        self._listing_locks: dict[Repo, threading.Lock] = {}
        self._stopped = threading.Event()

    @property
    def endpoint(self) -> str:
        """The address of the Hub."""
        return self._endpoint

    @property
    def waited_s(self) -> float:
        """Seconds that this run has waited for rate limits so far."""
        return self._governor.waited_s

    def stop(self) -> None:
        """End every transfer and every wait with Interrupted."""
        self._stopped.set()
        self._governor.stop()

    def listing(self, repo: Repo) -> tuple[Listing, Fetched]:
        """The commit and the files of ``repo``: one request where the Hub gives sizes and hashes with it.

        A run asks once, so that a revision means one commit for all entries.

        Raises:
            HubError: there is no such repository or revision, or no way to it.
        """
        with self._listing_locks.setdefault(repo, threading.Lock()):
            if repo in self._listings:
                return self._listings[repo], Fetched()
            self._listings[repo], spent = self._ask(repo)
            return self._listings[repo], spent

    def _ask(self, repo: Repo) -> tuple[Listing, Fetched]:
        base = f"{self._endpoint}/api/{repo.repo_type}s/{repo.repo_id}"
        url = f"{base}/revision/{quote(repo.revision, safe='')}?blobs=true"
        content, _, spent = self._json(url, repo)
        found, is_whole = listing.parse_info(repo, content)
        if not is_whole:
            # Mirrors answer without sizes; the tree has them, at one request per 1,000 entries.
            entries: list[Any] = []
            following: str | None = f"{base}/tree/{found.commit}?recursive=true"
            while following:
                content, following, more = self._json(following, repo)
                entries += content if isinstance(content, list) else []
                spent += more
            found = replace(found, files=listing.parse_tree(repo, entries))
        if found.gated and self._token is None:
            raise refusals.gated(repo, has_token=False, endpoint=self._endpoint)
        return found, spent

    def fetch(self, repo: LockedRepo, file: RepoFile, sink: Sink, received: Callable[[int], None]) -> Fetched:
        """Bring one file into ``sink``, by one GET of its resolver.

        Raises:
            HubError: the file cannot be had.
            CacheError: it cannot be written, or its bytes are wrong again and again.
        """
        kind = "datasets/" if repo.repo.repo_type == "dataset" else ""
        repo_id = repo.served_as or repo.repo.repo_id
        url = f"{self._endpoint}/{kind}{repo_id}/resolve/{repo.commit}/{quote(file.path)}"
        spent = Fetched()
        asked = replace(repo.repo, revision=repo.commit)

        def attempt() -> None:
            nonlocal spent
            arrived = 0
            sink.reset()
            try:
                with self._get(url, "resolvers") as (reply, metered):
                    spent += Fetched(requests=metered)
                    refusals.check(
                        reply, asked, path=file.path, endpoint=self._endpoint, has_token=self._token is not None
                    )
                    for piece in reply.pieces():
                        if self._stopped.is_set():
                            raise Interrupted
                        sink.write(piece)
                        arrived += len(piece)
                        received(len(piece))
                    page = "text/html" in reply.headers.get("Content-Type", "")
                spent += Fetched(bytes=arrived)
                self._finish(sink, file, page and not file.path.endswith((".html", ".htm")))
            except BaseException:
                received(-arrived)
                raise

        retrying(attempt, what=f"{repo.repo.repo_id}/{file.path}", observe=self._observe, stopped=self._stopped)
        return spent

    def _finish(self, sink: Sink, file: RepoFile, is_page: bool) -> None:
        try:
            sink.finish()
        except CacheError as error:
            if error.kind != "corrupt":
                raise
            said = f"{file.path} is a web page: a proxy answers in the Hub's place" if is_page else error.message
            hint = "look at HTTPS_PROXY and HF_ENDPOINT" if is_page else error.hint
            raise session.Transient(said, HubError("corrupt", said, hint=hint)) from None

    def _json(self, url: str, repo: Repo) -> tuple[Any, str | None, Fetched]:
        spent = Fetched()

        def attempt() -> tuple[Any, str | None]:
            nonlocal spent
            with self._get(url, "api") as (reply, metered):
                spent += Fetched(requests=metered)
                refusals.check(reply, repo, path=None, endpoint=self._endpoint, has_token=self._token is not None)
                link = _NEXT.search(reply.headers.get("Link", ""))
                return reply.json(), self._here(link[1]) if link else None

        content, following = retrying(
            attempt, what=f"the listing of {repo.repo_id}", observe=self._observe, stopped=self._stopped
        )
        return content, following, spent

    def _here(self, url: str) -> str:
        # A mirror passes on the Hub's own address; the token goes to the mirror alone.
        parts = urlsplit(url)
        return f"{self._endpoint}{parts.path}" + (f"?{parts.query}" if parts.query else "")

    @contextmanager
    def _get(self, url: str, bucket: str) -> Iterator[tuple[session.Reply, int]]:
        self._governor.admit(bucket)
        is_answered = False
        try:
            with session.get(url, self._headers) as reply:
                is_answered = True
                metered = self._learn(bucket, reply)
                yield reply, metered
        finally:
            if not is_answered:
                self._governor.learn(bucket, [])

    def _learn(self, bucket: str, reply: session.Reply) -> int:
        own = urlsplit(self._endpoint).netloc
        hops = [(urlsplit(url).path, headers) for url, headers in reply.hops if urlsplit(url).netloc == own]
        self._governor.learn(bucket, [headers for _, headers in hops])
        if reply.status == 429:
            self._governor.refuse(bucket, reply.headers)
        # Whether the hop of small files is metered is not documented: it is where it says so.
        return sum("/resolve-cache/" not in path or parse_limit(headers) is not None for path, headers in hops)
