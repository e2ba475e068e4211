"""What it takes when there is nothing to do: 100 entries with 1,000 files, all there and proven.

Compares, in turns, `prewarm check` and an untouched `prewarm` with the import of two libraries, which every tool that
draws a table and reads TOML pays. Prints ratios.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from prewarm import lock as locks
from prewarm import manifest as manifests
from prewarm.cache import layout
from prewarm.cache.memory import Memory
from prewarm.records import Digest, Lock, LockedEntry, LockedRepo, Proof, RepoFile
from prewarm.survey import own_versions

ENTRIES, FILES = 100, 10
BASE = [sys.executable, "-c", "import rich.table, tomllib"]


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
                model="BertModel",
                processor="BertTokenizer",
                dtype="float32",
                parameters=1,
                load_s=0.1,
                peak_rss_bytes=1,
                network_attempts=0,
            ),
        )
        entries.append(locked)
    (folder / "prewarm.lock").write_text(locks.dump(Lock(entries=tuple(entries))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=21)
    asked = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    commands = {
        "import rich.table, tomllib": BASE,
        "prewarm check": [str(Path(sys.executable).with_name("prewarm")), "check"],
        "prewarm": [str(Path(sys.executable).with_name("prewarm"))],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder)
        # Nobody answers there: a request would be an error.
        environ = {**os.environ, "HF_HOME": str(folder / "home"), "HF_ENDPOINT": "http://127.0.0.1:9"}
        for _ in range(asked.runs):
            for what, command in commands.items():
                began = time.perf_counter()
                subprocess.run(command, cwd=folder, env=environ, check=True, stdout=subprocess.DEVNULL)
                times[what].append(time.perf_counter() - began)
    for what, found in times.items():
        ratio = [mine / base for mine, base in zip(found, times["import rich.table, tomllib"], strict=True)]
        spread = f"median of {asked.runs}; {min(ratio):.2f} to {max(ratio):.2f}"
        print(f"  {what:28} {statistics.median(found) * 1000:4.0f} ms   {statistics.median(ratio):.2f} ({spread})")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()
