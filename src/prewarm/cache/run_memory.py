"""Which commands of applications have passed, and with what. Changes with what such a proof depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from prewarm.cache.installed import versions_of
from prewarm.cache.stored import key_of, read_table, write_table
from prewarm.lock.content import sha256_of
from prewarm.lock.digest import application_digest, files_digest, proof_digest
from prewarm.records.lock import LockedApplication, LockedEntry
from prewarm.records.run import RememberedRun

LIBRARIES = ("transformers", "torch", "huggingface_hub", "tokenizers", "safetensors")
_UNNAMED = "its proof is not remembered, as it names no sources: sources = […]"


class RunMemory:
    """Keeps passed runs.

    Args:
        folder: where they are kept.
        versions: of prewarm and Python.
    """

    def __init__(self, folder: Path, versions: Mapping[str, str]) -> None:
        self._folder = folder
        self._versions = versions

    def recall(self, locked: LockedApplication, entries: Sequence[LockedEntry]) -> RememberedRun:
        """Whether it has passed as it is now."""
        if not locked.application.sources:
            return RememberedRun(is_proven=False, why=_UNNAMED)
        kept = read_table(self._place(locked)).get("depends")
        now = self._depends(locked, entries)
        if kept == now:
            return RememberedRun(is_proven=True)
        if not isinstance(kept, dict):
            return RememberedRun(is_proven=False, why="not proven yet")
        changed = [name for name in now if kept.get(name) != now[name]]
        return RememberedRun(is_proven=False, why=f"changed since it was proven: {', '.join(changed)}")

    def keep(self, locked: LockedApplication, entries: Sequence[LockedEntry]) -> None:
        """Remember that it has passed; without a word where that cannot be written."""
        if locked.application.sources:
            write_table(self._place(locked), {"depends": self._depends(locked, entries)})

    def _place(self, locked: LockedApplication) -> Path:
        own = f"{application_digest(locked.application)} {locked.application.cwd.resolve()}"
        return self._folder / f"{key_of(own)}.json"

    def _depends(self, locked: LockedApplication, entries: Sequence[LockedEntry]) -> dict[str, str | None]:
        held = sorted(f"{proof_digest(one.entry)} {files_digest(one)}" for one in (*entries, locked.as_entry))
        packages = sorted({one.entry.package for one in entries} - {""})
        return {
            "its sources": _sources_digest(locked),
            "the entries and files": hashlib.sha256(json.dumps(held).encode()).hexdigest(),
            **self._versions,
            **versions_of([*LIBRARIES, *packages]),
        }


def _sources_digest(locked: LockedApplication) -> str:
    state = hashlib.sha256()
    application = locked.application
    for pattern in application.sources:
        state.update(f"{pattern}\n".encode())
        for path in sorted(application.folder.glob(pattern)):
            if path.is_file():
                state.update(f"{path.relative_to(application.folder)} {sha256_of(path)}\n".encode())
    return state.hexdigest()
