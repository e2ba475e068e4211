"""What the server's processes take while they are asked. Changes with what systems tell of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from prewarm.records.load import Usage

_EVERY_S = 0.5
_CHILDREN_EVERY = 6
"""Looks: whose child a process is is found by looking at every process of the machine."""
_HERE = ("127.0.0.1", "localhost", "::1")


class Watch:
    """Looks at a process and all that it has started, until it is stopped.

    Args:
        pid: of the process.
    """

    def __init__(self, pid: int) -> None:
        import psutil  # noqa: PLC0415 (an extra)

        self._psutil = psutil
        self.gone: type[Exception] = psutil.Error
        self._process = psutil.Process(pid)
        self._rss = 0
        self._looks = 0
        self._known: list[Any] = []
        self._gpu: list[tuple[float, int]] = []
        self._began = time.perf_counter()
        self._cpu = self._cpu_s()

    def look(self) -> None:
        """Note what they take now."""
        rss = 0
        self._looks += 1
        for process in self._all():
            with suppress(self._psutil.Error):
                rss += process.memory_info().rss
        self._rss = max(self._rss, rss)
        if (gpu := _gpu()) is not None:
            self._gpu.append(gpu)

    def usage(self) -> Usage:
        """What they took since it began."""
        elapsed_s = max(1e-3, time.perf_counter() - self._began)
        return Usage(
            cpu_cores=max(0.0, self._cpu_s() - self._cpu) / elapsed_s,
            rss_bytes=self._rss,
            gpu_share=sum(share for share, _ in self._gpu) / len(self._gpu) if self._gpu else None,
            gpu_bytes=max(used for _, used in self._gpu) if self._gpu else None,
        )

    def _cpu_s(self) -> float:
        found = 0.0
        for process in self._all():
            with suppress(self._psutil.Error, OSError):
                times = process.cpu_times()
                found += times.user + times.system
        return found

    def _all(self) -> list[Any]:
        if self._looks % _CHILDREN_EVERY == 0:
            with suppress(self._psutil.Error):
                self._known = [self._process, *self._process.children(recursive=True)]
        return self._known


@contextmanager
def watching(pid: int | None) -> Iterator[Watch | None]:
    """Look at a process from a thread of its own; None: at none, or nobody tells."""
    watch = None
    if pid is not None:
        # It may be gone, or somebody else's.
        with suppress(Exception):
            watch = Watch(pid)
    if watch is None:
        yield None
        return
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(_EVERY_S):
            # Where no file can be opened any more, the last look stands.
            with suppress(OSError, watch.gone):
                watch.look()

    watch.look()
    thread = threading.Thread(target=run, name="usage", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        ended.set()
        thread.join()


def listener(url: str) -> int | None:
    """The process on this machine that answers at an address; None: it is elsewhere, or nobody tells."""
    parts = urlsplit(url)
    if parts.hostname not in _HERE:
        return None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    with suppress(Exception):
        import psutil  # noqa: PLC0415 (an extra)

        for one in psutil.net_connections("tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid:
                return int(one.pid)
    return None


def _gpu() -> tuple[float, int] | None:
    """The share of its time, and the memory, that the first GPU is used by; None: there is none."""
    with suppress(Exception):
        import pynvml  # noqa: PLC0415 (where there is a GPU)

        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(0)
        used = pynvml.nvmlDeviceGetMemoryInfo(handle).used
        return pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100, int(used)
    return None
