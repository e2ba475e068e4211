"""What a start costs on this machine alone: 100 entries with 1,000 files, all there and proven."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.figures import Figures
from bench.measure import about
from bench.scenarios import Asked
from bench.turns import compared, rows
from prewarm.cache import layout
from prewarm.cache.memory import Memory
from prewarm.lock import file as locks
from prewarm.manifest import read as manifests
from prewarm.operations.machine import own_versions
from prewarm.records.listing import Digest, RepoFile
from prewarm.records.lock import Lock, LockedEntry, LockedRepo
from prewarm.records.proof import Proof

ENTRIES, FILES = 100, 10
PREWARM = str(Path(sys.executable).with_name("prewarm"))
COMMANDS: Mapping[str, Sequence[str]] = {
    "import rich.table, tomllib": [sys.executable, "-c", "import rich.table, tomllib"],
    "prewarm --help": [PREWARM, "--help"],
    "prewarm check": [PREWARM, "check"],
    "prewarm": [PREWARM],
}


def run(asked: Asked) -> Figures:
    """A check and a run with nothing to do, beside what every tool pays that draws a table and reads TOML."""
    make(asked.folder)
    rounds = 1 if asked.quick else 7 * asked.rounds
    # Nobody answers there: a request would be an error.
    environ = {**os.environ, "HF_HOME": str(asked.folder / "home"), "HF_ENDPOINT": "http://127.0.0.1:9"}
    runs = compared(COMMANDS, asked.folder, environ, rounds)
    return Figures(
        scenario="startup",
        setting=f"{ENTRIES} entries with {ENTRIES * FILES:,} files, all there and proven; whole processes; medians of {rounds} rounds.",
        about=about("rich", "click"),
        columns=["what", "ratio", "wall", "CPU", "peak"],
        rows=rows(runs),
        notes=["The ratio is to importing what every such tool imports (the first row)."],
        runs=runs,
    )


def make(folder: Path) -> None:
    """A manifest, its lock, and a cache that holds all of it."""
    ids = "".join(f'  "org/model-{number}",\n' for number in range(ENTRIES))
    (folder / "prewarm.toml").write_text(f"simple = [\n{ids}]\n")
    root = folder / "home" / "hub"
    memory = Memory(root, folder / "home", own_versions())
    entries = []
    for entry in manifests.load(folder / "prewarm.toml").entries:
        contents = {f"file-{number}.json": f"{entry.id} {number}".encode() for number in range(FILES)}
        files = tuple(
            RepoFile(path=path, size=len(content), digest=Digest(algorithm="sha256", value=_sha256(content)))
            for path, content in contents.items()
        )
        commit = hashlib.sha1(entry.id.encode()).hexdigest()
        repo = LockedRepo(repo=entry.repo, commit=commit, files=files)
        for file in files:
            blob = layout.blob(root, entry.repo, file.digest)
            pointer = layout.pointer(root, entry.repo, commit, file.path)
            for path in (blob, pointer):
                path.parent.mkdir(parents=True, exist_ok=True)
            blob.write_bytes(contents[file.path])
            pointer.symlink_to(os.path.relpath(blob, pointer.parent))
        ref = layout.ref(root, entry.repo)
        ref.parent.mkdir(parents=True)
        ref.write_text(commit)
        locked = LockedEntry(entry=entry, repos=(repo,))
        memory.keep(
            locked,
            Proof(
                model="BertModel", processor="BertTokenizer", dtype="float32", parameters=1, load_s=0.1, peak_rss_bytes=1,
                network_attempts=0,
            ),
        )  # fmt: skip
        entries.append(locked)
    (folder / "prewarm.lock").write_text(locks.dump(Lock(entries=tuple(entries))))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
