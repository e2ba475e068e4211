"""A run that fetches files of one repository, on a Hub of the test's own."""

from __future__ import annotations

import random
import threading
from pathlib import Path

from prewarm.cache.disk import DiskCache
from prewarm.flow.stop import Stop
from prewarm.hub.client import Client
from prewarm.records.entry import TransferMode
from prewarm.records.events import Event
from prewarm.records.listing import Listing, Repo
from prewarm.records.lock import LockedRepo
from prewarm.records.plan import Fetched

REPO = Repo(repo_id="org/files")
LARGE = random.Random(7).randbytes(20_000_000)
SMALL = LARGE[:5000]


class Run:
    """One run of a process, on a cache that others may have used before."""

    def __init__(self, root: Path, workers: int = 4, transfer: TransferMode = "auto") -> None:
        self.events: list[Event] = []
        self.stop = Stop()
        self.client = Client(
            workers=workers, max_wait_s=30, observe=self.events.append, transfer=transfer, stop=self.stop
        )
        self.cache = DiskCache(root)
        self.spent = Fetched()
        self.received = 0
        self._lock = threading.Lock()

    def count(self, number: int) -> None:
        with self._lock:
            self.received += number

    def spend(self, fetched: Fetched) -> None:
        with self._lock:
            self.spent += fetched

    def listing(self) -> Listing:
        return self.client.listing(REPO, self.spend)

    def fetch(self, path: str) -> None:
        listing = self.listing()
        file = listing.find(path)
        assert file is not None
        locked = LockedRepo(repo=REPO, commit=listing.commit, files=(file,))
        with self.cache.receive(locked, file, self.stop, lambda holder, waited_s: None) as sink:
            if sink is not None:
                self.client.fetch(locked, file, sink, self.count, self.spend, self.stop)

    def content(self, path: str) -> bytes:
        listing = self.listing()
        file = listing.find(path)
        assert file is not None
        return self.cache.read(LockedRepo(repo=REPO, commit=listing.commit, files=(file,)), file)
