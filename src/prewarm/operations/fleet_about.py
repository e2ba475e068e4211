"""What a node of a fleet says of itself. Changes with what decides whether another node's proof holds there."""

from __future__ import annotations

import contextlib
import hmac
import platform
import secrets
import shlex
import time
from collections.abc import Sequence
from pathlib import Path

from prewarm import __version__
from prewarm.cache.installed import versions_of
from prewarm.cache.run_memory import LIBRARIES
from prewarm.flow.ready import mode_of
from prewarm.hub import configuration, tokens
from prewarm.lock import file as locks
from prewarm.lock.digest import entry_tag
from prewarm.operations.machine import own_versions
from prewarm.operations.project import Project
from prewarm.records.entry import Entry
from prewarm.records.fleet import About

_LOOKS, _LOOK_S = 20, 0.05


def about(
    project: Project, manifest: Path, cache: Path, notes: Sequence[str], salt: bytes, *, may_load: bool = True
) -> About:
    """This node, with this project.

    Args:
        project: what came along.
        manifest: where it lies here.
        cache: the folder of the node's cache.
        notes: what is odd, a sentence each.
        salt: of this run.
        may_load: whether anything is loaded at all.
    """
    check = f"prewarm check -m {manifest}"
    left_out = [one.name for one in project.applications] + [one.name for one in project.wrapped]
    if left_out:
        notes = [*notes, f"not run on the nodes of a fleet: {', '.join(left_out)}"]
        check += "".join(f" --only {shlex.quote(entry.label)}" for entry in project.entries)
    account = f"{configuration.endpoint()} {tokens.known_token() or ''}"
    return About(
        prewarm=__version__,
        environment=_environment(project),
        cache=str(cache),
        cache_id=_id_of(cache),
        account=hmac.new(salt, account.encode(), "sha256").hexdigest()[:16],
        unlisted=tuple(entry.label for entry in unlisted(project)),
        unsettled=tuple(entry.label for entry in unsettled(project)) if may_load else (),
        loads=tuple(entry_tag(entry) for entry in project.entries if _loads(entry, project)) if may_load else (),
        check=check,
        notes=tuple(notes),
    )


def unlisted(project: Project) -> list[Entry]:
    """Entries that are not locked."""
    return [entry for entry in project.entries if locks.find(project.lock, entry) is None]


def unsettled(project: Project) -> list[Entry]:
    """Entries that are to be loaded, and whose files nobody can know all of before they were once."""
    found = []
    for entry in project.entries:
        locked = locks.find(project.lock, entry)
        if _loads(entry, project) and (locked is None or not locked.is_complete):
            found.append(entry)
    return found


def _loads(entry: Entry, project: Project) -> bool:
    return mode_of(entry, project.settings.proof) == "load"


def _id_of(cache: Path) -> str:
    """What tells a cache from others, also where two hosts see it under different names."""
    # Where huggingface_hub looks for no repositories.
    path = cache / ".locks" / "prewarm-id"
    with contextlib.suppress(OSError, UnicodeDecodeError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError), path.open("x", encoding="ascii") as file:
            file.write(secrets.token_hex(16))
        # Whoever made it may not have written it yet.
        for _ in range(_LOOKS):
            if found := path.read_text(encoding="ascii"):
                return found
            time.sleep(_LOOK_S)
    with contextlib.suppress(OSError):
        found_at = cache.stat()
        return f"{platform.node()} {found_at.st_dev} {found_at.st_ino}"
    return f"{platform.node()} {cache}"


def _environment(project: Project) -> dict[str, str]:
    packages = sorted({entry.package for entry in project.entries} - {""})
    versions = versions_of([*LIBRARIES, "peft", *packages])
    return {
        **own_versions(),
        "machine": platform.machine(),
        "system": platform.system(),
        **{name: version for name, version in versions.items() if version is not None},
    }
