"""The Hub over HTTP: one listing a repository, one metered request a file. Changes with the routes."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from prewarm.flow.ports import Sink
from prewarm.flow.stop import Stop
from prewarm.hub import configuration, listing, refusals, session
from prewarm.hub.connections import Connections
from prewarm.hub.governor import Governor
from prewarm.hub.means import Means
from prewarm.hub.resolver import Resolver
from prewarm.hub.retry import Reach, retrying
from prewarm.hub.shared_windows import SharedWindows
from prewarm.hub.storage import Storage
from prewarm.hub.transfer import Transfer
from prewarm.hub.xet import Xet, is_available
from prewarm.records.entry import TransferMode
from prewarm.records.events import Observer
from prewarm.records.listing import Listing, Repo, RepoFile
from prewarm.records.lock import LockedRepo
from prewarm.records.plan import Fetched

_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')
Spend = Callable[[Fetched], None]


class Client:
    """Asks the Hub that ``HF_ENDPOINT`` names, with the user's token.

    Args:
        workers: connections for large files, and as many for small ones.
        max_wait_s: the longest that a run waits for rate limits, in total.
        observe: is told of retries and waits.
        transfer: how large files come that the Hub has in Xet.
        stop: ends every wait and every transfer; None: nothing does.
    """

    def __init__(
        self,
        *,
        workers: int,
        max_wait_s: float,
        observe: Observer,
        transfer: TransferMode = "auto",
        stop: Stop | None = None,
    ) -> None:
        self._endpoint = configuration.endpoint()
        self._token = session.token()
        self._headers = session.headers(self._token)
        windows = SharedWindows(configuration.home(), self._endpoint, self._token)
        self._stop = stop or Stop()
        self._governor = Governor(max_wait_s, observe, stop=self._stop, shared=windows)
        self._observe = observe
        self._listings: dict[Repo, Listing] = {}
        self._listing_locks: dict[Repo, threading.Lock] = {}
        self._means = Means(
            resolver=Resolver(self._endpoint, self._headers, self._governor),
            connections=Connections(workers),
            small=Connections(workers),
            storage=Storage(),
            observe=observe,
            reach=Reach(),
            endpoint=self._endpoint,
            has_token=self._token is not None,
            # "auto" is HTTP: see docs/benchmarks.md for what was measured.
            xet=Xet(self._endpoint, self._headers, self._governor) if transfer == "xet" and is_available() else None,
        )

    @contextmanager
    def governing(self) -> Iterator[None]:
        """Hold everything in this process that asks the same Hub inside its quotas, as this run's own requests are."""

        def before(url: str) -> None:
            if bucket := self._bucket(url):
                self._governor.let_pass(bucket)

        def after(url: str, status: int, headers: Mapping[str, str]) -> None:
            if bucket := self._bucket(url):
                self._governor.overhear(bucket, headers)
                if status == 429:
                    self._governor.refuse(bucket, headers)

        with session.watched(before, after):
            yield

    def expect(self, *, listings: int = 0, files: int = 0) -> None:
        """Plans will ask for so many: where the Hub's limits are too low for them, the observer is told."""
        for bucket, count in (("api", listings), ("resolvers", files)):
            if count:
                self._governor.expect(bucket, count)

    def _bucket(self, url: str) -> str | None:
        parts = urlsplit(url)
        if parts.netloc != urlsplit(self._endpoint).netloc or "/resolve-cache/" in parts.path:
            return None
        if "/resolve/" in parts.path:
            return "resolvers"
        return "api" if "/api/" in parts.path else None

    @property
    def endpoint(self) -> str:
        """The address of the Hub."""
        return self._endpoint

    @property
    def waited_s(self) -> float:
        """Seconds that this run has waited for rate limits so far."""
        return self._governor.waited_s

    def listing(self, repo: Repo, spend: Spend) -> Listing:
        """The commit and the files of ``repo``: one request where the Hub gives sizes and hashes with it.

        A run asks once, so that a revision means one commit for all entries.

        Raises:
            HubError: there is no such repository or revision, or no way to it.
        """
        with self._listing_locks.setdefault(repo, threading.Lock()):
            if repo not in self._listings:
                self._listings[repo] = self._ask(repo, spend)
            return self._listings[repo]

    def fetch(
        self, repo: LockedRepo, file: RepoFile, sink: Sink, received: Callable[[int], None], spend: Spend, stop: Stop
    ) -> None:
        """Bring one file into ``sink``: one request of its resolver, and as many ranges as there are idle connections.

        Raises:
            HubError: the file cannot be had, or its bytes are wrong again and again.
            CacheError: it cannot be written.
            Interrupted: it was stopped.
        """
        transfer = Transfer(self._means, repo, file, sink, received, stop)
        try:
            transfer.run()
        finally:
            spend(transfer.spent)

    def _ask(self, repo: Repo, spend: Spend) -> Listing:
        base = f"{self._endpoint}/api/{repo.repo_type}s/{repo.repo_id}"
        url = f"{base}/revision/{quote(repo.revision, safe='')}?blobs=true"
        content, _ = self._json(url, repo, spend)
        found, is_whole = listing.parse_info(repo, content)
        if not is_whole:
            # Mirrors answer without sizes; the tree has them, at one request per 1,000 entries.
            entries: list[Any] = []
            following: str | None = f"{base}/tree/{found.commit}?recursive=true"
            while following:
                content, following = self._json(following, repo, spend)
                entries += content if isinstance(content, list) else []
            found = replace(found, files=listing.parse_tree(repo, entries))
        if found.gated and self._token is None:
            raise refusals.gated(repo, has_token=False, endpoint=self._endpoint)
        return found

    def _json(self, url: str, repo: Repo, spend: Spend) -> tuple[Any, str | None]:
        def attempt() -> tuple[Any, str | None]:
            with self._governor.request("api") as answered, session.get(url, self._headers) as reply:
                own = urlsplit(self._endpoint).netloc
                hops = [headers for hop, headers in reply.hops if urlsplit(hop).netloc == own]
                answered(hops)
                spend(Fetched(requests=len(hops)))
                if reply.status == 429:
                    self._governor.refuse("api", reply.headers)
                refusals.check(reply, repo, path=None, endpoint=self._endpoint, has_token=self._token is not None)
                link = _NEXT.search(reply.headers.get("Link", ""))
                return reply.json(), self._here(link[1]) if link else None

        return retrying(
            attempt,
            what=f"the listing of {repo.repo_id}",
            observe=self._observe,
            stop=self._stop,
            reach=self._means.reach,
        )

    def _here(self, url: str) -> str:
        # A mirror passes on the Hub's own address; the token goes to the mirror alone.
        parts = urlsplit(url)
        return f"{self._endpoint}{parts.path}" + (f"?{parts.query}" if parts.query else "")
