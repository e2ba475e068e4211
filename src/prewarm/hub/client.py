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
from prewarm.hub import configuration, listing, session, tokens
from prewarm.hub.addresses import Addresses
from prewarm.hub.connections import Connections
from prewarm.hub.gates import Gates
from prewarm.hub.governor import Governor
from prewarm.hub.listing import Tree
from prewarm.hub.means import Means
from prewarm.hub.patience import Patience
from prewarm.hub.refusals import Refusals
from prewarm.hub.resolver import Resolver
from prewarm.hub.retry import retrying
from prewarm.hub.shared_windows import SharedWindows, Windows
from prewarm.hub.shares import RANGE_MAX_BYTES
from prewarm.hub.storage import Storage
from prewarm.hub.transfer import Transfer
from prewarm.hub.tree_walk import TreeWalk
from prewarm.hub.xet import Xet
from prewarm.records.entry import TransferMode
from prewarm.records.events import Observer
from prewarm.records.listing import Listing, Repo, RepoFile
from prewarm.records.lock import LockedRepo
from prewarm.records.plan import Fetched
from prewarm.records.speed import ORDINARY, Speed

_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')
ANSWER_MAX_BYTES = 64 << 20
"""Of one answer about a repository: 100,000 files, which the Hub advises not to exceed, take half of it."""
Spend = Callable[[Fetched], None]


class Client:
    """Asks the Hub that ``HF_ENDPOINT`` names, with the user's token.

    Args:
        workers: connections for large files, and as many for small ones.
        max_wait_s: the longest that a run waits for rate limits, in total.
        observe: is told of retries and waits.
        transfer: how large files come that the Hub has in Xet.
        stop: ends every wait and every transfer; None: nothing does.
        min_speed: the least that any answer has to come with.
        windows: what others know of the Hub's windows; None: the processes of this machine.
        range_max_bytes: of one range of a large file: the smaller, the sooner is its beginning whole.

    Raises:
        SettingsError: the environment does not allow to ask anybody.
    """

    def __init__(
        self,
        *,
        workers: int,
        max_wait_s: float,
        observe: Observer,
        transfer: TransferMode = "auto",
        stop: Stop | None = None,
        min_speed: Speed = ORDINARY,
        windows: Windows | None = None,
        range_max_bytes: int = RANGE_MAX_BYTES,
    ) -> None:
        self._endpoint = configuration.endpoint()
        self._token = tokens.token()
        self._headers = session.headers(self._token, configuration.credentials())
        session.open_session()
        windows = windows or SharedWindows(configuration.home(), self._endpoint, self._token)
        self._stop = stop or Stop()
        self._governor = Governor(max_wait_s, observe, stop=self._stop, shared=windows)
        self._observe = observe
        self._listings: dict[Repo, Listing] = {}
        self._listing_locks: dict[Repo, threading.Lock] = {}
        self._addresses = Addresses(self._endpoint)
        self._patience = Patience(stop=self._stop, least=min_speed)
        self._means = Means(
            governor=self._governor,
            gates=Gates(),
            patience=self._patience,
            refusals=Refusals(endpoint=self._endpoint, has_token=self._token is not None),
            resolver=Resolver(self._endpoint, self._headers, self._governor),
            connections=Connections(workers),
            small=Connections(workers),
            storage=Storage(),
            observe=observe,
            endpoint=self._endpoint,
            # "auto" is HTTP first: see docs/benchmarks.md for what was measured.
            range_max_bytes=range_max_bytes,
            prefers_xet=transfer == "xet",
            xet=None if transfer == "http" else Xet(self._addresses, self._headers, self._governor, self._patience),
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
                self._governor.heed(bucket, status, headers)

        with session.watched(before, after):
            yield

    def expect(self, *, listings: int = 0, files: int = 0) -> None:
        """Plans will ask for so many: where the Hub's limits are too low for them, the observer is told."""
        for bucket, count in (("api", listings), ("resolvers", files)):
            if count:
                self._governor.expect(bucket, count)

    def _bucket(self, url: str) -> str | None:
        path = urlsplit(url).path
        if not self._addresses.is_own(url) or "/resolve-cache/" in path:
            return None
        if "/resolve/" in path:
            return "resolvers"
        return "api" if "/api/" in path else None

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
                found = self._listings[repo] = self._ask(repo, spend)
                # Who asks for the commit gets the same answer.
                self._listings.setdefault(replace(repo, revision=found.commit), found)
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
        info = listing.parse_info(repo, content)
        found = info.listing
        if not info.is_whole:
            # Mirrors answer without sizes, or cut the list; the tree has all of it, at one request per 1,000 entries.
            found = listing.joined(repo, info, self._tree(f"{base}/tree/{found.commit}", repo, spend))
        if found.gated:
            self._means.gates.expect(repo)
        return found

    def _tree(self, base: str, repo: Repo, spend: Spend) -> Tree:
        """All of a tree, also where the question for all of it does not get through."""
        todo, asked = [""], set[str]()
        walk = TreeWalk(repo)
        while todo:
            folder = todo.pop()
            asked.add(folder)
            following: str | None = f"{base}{'/' + quote(folder) if folder else ''}?recursive=true"
            while following:
                content, following = self._json(following, repo, spend)
                page = listing.parse_tree(repo, content)
                walk.add(page, has_more=following is not None)
            walk.check_folders(len(asked))
            todo = todo or sorted(listing.unlisted_folders(walk.tree) - asked)
        return walk.tree

    def _json(self, url: str, repo: Repo, spend: Spend) -> tuple[Any, str | None]:
        def attempt() -> tuple[Any, str | None]:
            with self._governor.request("api") as answered, session.get(url, self._headers, self._patience) as reply:
                hops = [headers for hop, headers in reply.hops if self._addresses.is_own(hop)]
                answered(hops)
                spend(Fetched(requests=len(hops)))
                self._governor.heed("api", reply.status, reply.headers)
                self._means.refusals.check(reply, repo, path=None)
                link = _NEXT.search(reply.headers.get("Link", ""))
                return reply.json(ANSWER_MAX_BYTES), self._addresses.here(link[1]) if link else None

        return retrying(
            attempt,
            what=f"the listing of {repo.repo_id}",
            observe=self._observe,
            stop=self._stop,
            patience=self._patience,
        )
