"""Makes the nodes of a Ray cluster ready. Changes with what goes along, and what comes back."""

from __future__ import annotations

import getpass
import json
import os
import platform
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from prewarm import __version__
from prewarm.cache.place import write_text
from prewarm.fleet import Baggage, Wanted, run
from prewarm.fleet.cluster import Cluster
from prewarm.fleet.meaning import runtime_env_option
from prewarm.lock import file as locks
from prewarm.operations.bug_log import unforeseen
from prewarm.operations.bundle import manifest_text
from prewarm.operations.fleet_given import Given
from prewarm.operations.fleet_host import make
from prewarm.operations.project import Project
from prewarm.records.errors import CommandError
from prewarm.records.fleet import FleetEvent, FleetReport

_ENV_MAX_BYTES = 1 << 20
_EXAMPLE = runtime_env_option(__version__)


def fleet(
    project: Project,
    address: str,
    wanted: Wanted,
    observe: Callable[[FleetEvent], None],
    *,
    runtime_env: Mapping[str, Any] | None,
) -> FleetReport:
    """Make every node ready that is asked for, and keep the lock.

    Args:
        project: the entries.
        address: of the cluster: ``auto``, ``ray://host:port`` or ``host:port``.
        wanted: what to do.
        observe: is told of every step.
        runtime_env: what the nodes' processes need beyond what is installed there.

    Raises:
        FleetError: there is no cluster, or none that can be worked with; or another fleet is at work.
        CommandError: the address is none, or no node is meant.
    """
    began = time.monotonic()
    flags = {**project.flags, "proof": "files"} if wanted.prove == "none" else dict(project.flags)
    lock = locks.dump(project.lock) if project.lock.entries or project.lock.applications else ""
    given = Given(
        version=__version__,
        manifest=manifest_text(project),
        lock=lock,
        flags=flags,
        only=project.only,
        salt=secrets.token_bytes(16),
        may_load=wanted.prove != "none",
        is_shared=wanted.fetchers > 1,
    )
    notes: list[str] = []

    def keep(text: str) -> None:
        if project.lock_path is None:
            return
        try:
            write_text(project.lock_path, text)
        except OSError as error:
            said = f"{project.lock_path.name} cannot be written ({error.strerror}): the next run does without it"
            # A node that came to nothing has told of its lock as well.
            notes[:] = [said]

    with Cluster(address, runtime_env) as cluster:
        baggage = Baggage(
            make=make, given=given, lock=lock, keep=keep, unforeseen=unforeseen, version=__version__, who=_who(project)
        )
        nodes = run(cluster, baggage, wanted, observe)
        version = cluster.version
    path = project.lock_path
    return FleetReport(
        manifest=project.manifest.path,
        lock=path if path is not None and path.exists() else None,
        address=address,
        ray=version,
        nodes=nodes,
        elapsed_s=time.monotonic() - began,
        watched=wanted.watch,
        notes=tuple(notes),
    )


def read_runtime_env(text: str | None) -> Mapping[str, Any] | None:
    """What ``--runtime-env`` says: JSON, or the path of a file with it.

    Raises:
        CommandError: it is none.
    """
    if text is None:
        return None
    said = text
    if not text.lstrip().startswith("{"):
        path = Path(text)
        try:
            said = path.read_bytes()[:_ENV_MAX_BYTES].decode()
        except (OSError, ValueError) as error:
            raise CommandError(
                f"--runtime-env: {text} cannot be read: {getattr(error, 'strerror', None) or error}", hint=_EXAMPLE
            ) from None
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise CommandError("--runtime-env: it is no JSON object", hint=_EXAMPLE)
    return found


def _who(project: Project) -> str:
    user = ""
    with suppress(Exception):
        user = f"{getpass.getuser()} "
    return f"by {user}on {platform.node()}, process {os.getpid()}, for {project.manifest.path}"
