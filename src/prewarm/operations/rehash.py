"""Hashes what the cache holds of entries, and takes away what is damaged. Changes with how a cache is mended."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from prewarm.cache import layout
from prewarm.cache.disk import DiskCache
from prewarm.cache.integrity import is_right
from prewarm.flow.verify import Verified, verify
from prewarm.records.entry import Entry
from prewarm.records.errors import Interrupted
from prewarm.records.events import Event, HashingStarted, Observer
from prewarm.records.lock import LockedEntry


def rehash(there: Collection[LockedEntry], disk: DiskCache, observe: Observer) -> Mapping[Entry, Verified]:
    """What is wrong with the files of each entry, hashed on every core."""
    entries = list(there)
    files = {disk.path(repo, file.path): file.size for locked in entries for repo, file in locked.files}
    observe(HashingStarted(files=len(files), bytes=sum(files.values())))
    is_stopped = threading.Event()

    def tell(event: Event) -> None:
        # Told of every piece: a file of many gigabytes need not come to its end after an interrupt.
        if is_stopped.is_set():
            raise Interrupted
        observe(event)

    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="hash") as threads:
        try:
            found = verify(entries, disk, is_right, tell, threads)
        except BaseException:
            is_stopped.set()
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return {locked.entry: found[at] for at, locked in enumerate(entries)}


def remove(verified: Verified, disk: DiskCache) -> None:
    """Take away the names of what is damaged, so that it is fetched again."""
    # The names only: a blob may be a link into huggingface_hub's store, which other repositories share.
    for repo, file in verified.bad:
        for path in (disk.path(repo, file.path), layout.blob(disk.root, repo.repo, file.digest)):
            with suppress(FileNotFoundError):
                path.unlink()
