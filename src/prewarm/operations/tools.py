"""Puts together what the flow works with: the real Hub, cache and worker. Changes with what it needs of the outside."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from prewarm.audit import Scanner
from prewarm.cache.disk import DiskCache
from prewarm.cache.preview import Preview
from prewarm.flow.account import Bounds, Tools
from prewarm.flow.stages import Stages
from prewarm.flow.stop import Stop
from prewarm.gateway import Gateway
from prewarm.hub import configuration, tokens
from prewarm.hub.client import Client
from prewarm.hub.offline import OfflineHub
from prewarm.hub.shared_windows import Windows
from prewarm.hub.shares import RANGE_MAX_BYTES
from prewarm.lock import file as locks
from prewarm.operations.bug_log import unforeseen
from prewarm.operations.machine import memory
from prewarm.operations.project import Project
from prewarm.proof.environment import without_secrets
from prewarm.proof.runner import Runner
from prewarm.records.events import Event, Observer
from prewarm.records.lock import Lock


@dataclass(frozen=True, kw_only=True)
class Work:
    """How the flow is to run."""

    force: bool = False
    """Fetch again what is there."""
    dry_run: bool = False
    """Write nothing, and stop after the plan."""
    prove_again: bool = False
    """Load also what has passed before."""
    asks_nobody: bool = False
    """No request may be sent."""
    windows: Windows | None = None
    """What others know of the Hub's windows; None: the processes of this machine."""
    passes_on: bool = False
    """Whether others wait for the beginning of what comes."""


ORDINARY = Work()
_PASSED_ON_BYTES = 8 << 20
"""Of one range: eight connections are ahead of what is whole by no more than a piece that moves between nodes."""


def ignored(event: Event) -> None:
    """An observer of what nobody looks at."""


@contextmanager
def tools(
    project: Project, observe: Observer, environ: Mapping[str, str], work: Work = ORDINARY, *, kept: Lock | None = None
) -> Iterator[Tools]:
    """What the flow works with; all of it is stopped at the end. ``kept`` is what stays locked, all by default."""
    stop = Stop()
    root = configuration.cache_root()
    settings = project.settings
    client = None
    if not work.asks_nobody:
        client = Client(
            workers=settings.workers,
            max_wait_s=settings.max_wait_s,
            observe=observe,
            transfer=settings.transfer,
            stop=stop,
            min_speed=settings.min_speed,
            windows=work.windows,
            range_max_bytes=_PASSED_ON_BYTES if work.passes_on else RANGE_MAX_BYTES,
        )
    disk = DiskCache(
        root,
        forgets=work.force,
        by_symlink=configuration.makes_links(),
        modules=configuration.modules_root(),
        lock_wait_s=settings.lock_wait_s,
    )
    prover = Runner(
        environ=environ,
        token=tokens.known_token(),
        cache=root,
        timeout_s=settings.proof_timeout_s,
        open_gateway=Gateway,
        confinement=settings.confinement,
        memory_bytes=settings.worker_memory_bytes,
    )
    scanner = Scanner(root, without_secrets(environ, tokens.known_token()))
    try:
        with client.governing() if client else nullcontext(), Stages(settings.workers, stop) as stages:
            try:
                yield Tools(
                    hub=client or OfflineHub(configuration.endpoint()),
                    cache=Preview(disk) if work.dry_run else disk,
                    prover=prover,
                    scanner=scanner,
                    memory=memory(root, environ),
                    observe=observe,
                    clock=time.monotonic,
                    stages=stages,
                    stop=stop,
                    unforeseen=unforeseen,
                    bounds=Bounds(repos=settings.discovery_max_repos, bytes=settings.discovery_max_bytes),
                    discovers=client is not None,
                    trusted=frozenset(
                        (entry.id, path) for entry in project.manifest.entries for path in entry.unsafe_files or ()
                    ),
                    pins=locks.pins(project.lock if kept is None else kept),
                )
            except BaseException:
                stop.set()
                raise
    finally:
        prover.stop()
        scanner.close()
