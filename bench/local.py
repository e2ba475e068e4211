"""What takes place on this machine alone: a check, a run with nothing to do, and verifying. Prints ratios.

startup: 100 entries with 1,000 files, all there and proven. Compares, in turns, `prewarm check` and an untouched
`prewarm` with the import of two libraries, which every tool that draws a table and reads TOML pays.

verify: 8 files of 100 MB. Compares, in turns, `prewarm verify` with `sha256sum` on every core and on one.
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
from collections.abc import Mapping
from pathlib import Path

from prewarm.cache import layout
from prewarm.cache.memory import Memory
from prewarm.localhub import LocalHub, Repository
from prewarm.lock import file as locks
from prewarm.manifest import read as manifests
from prewarm.operations.machine import own_versions
from prewarm.records.listing import Digest, RepoFile
from prewarm.records.lock import Lock, LockedEntry, LockedRepo
from prewarm.records.proof import Proof

ENTRIES, FILES = 100, 10
PREWARM = str(Path(sys.executable).with_name("prewarm"))
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


def startup(runs: int) -> None:
    commands = {
        "import rich.table, tomllib": BASE,
        "prewarm check": [PREWARM, "check"],
        "prewarm": [PREWARM],
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder)
        compare(commands, folder, runs)


def verify(runs: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repository = Repository(repo_id="bench/weights")
        for number in range(8):
            (folder / f"{number}.safetensors").write_bytes(os.urandom(100_000_000))
        repository.commit({path.name: path for path in folder.glob("*.safetensors")})
        (folder / "prewarm.toml").write_text('[[advanced]]\nid = "bench/weights"\ninclude = ["*"]\n')
        with LocalHub([repository]) as hub:
            environ = environment(folder) | {"HF_ENDPOINT": hub.url}
            subprocess.run([PREWARM, "-q"], cwd=folder, env=environ, check=True)
        hashing = f"ls *.safetensors | xargs -n1 -P{os.cpu_count()} sha256sum"
        commands = {
            "sha256sum, every core": ["sh", "-c", hashing],
            "sha256sum, one core": ["sh", "-c", "sha256sum *.safetensors"],
            "prewarm verify": [PREWARM, "verify", "-q"],
        }
        compare(commands, folder, runs)


def environment(folder: Path) -> dict[str, str]:
    # Nobody answers there: a request would be an error.
    return {**os.environ, "HF_HOME": str(folder / "home"), "HF_ENDPOINT": "http://127.0.0.1:9"}


def compare(commands: Mapping[str, list[str]], folder: Path, runs: int) -> None:
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for what, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, cwd=folder, env=environment(folder), check=True, stdout=subprocess.DEVNULL)
            times[what].append(time.perf_counter() - began)
    first = next(iter(times.values()))
    for what, found in times.items():
        ratio = [mine / base for mine, base in zip(found, first, strict=True)]
        spread = f"median of {runs}; {min(ratio):.2f} to {max(ratio):.2f}"
        print(f"  {what:28} {statistics.median(found) * 1000:5.0f} ms   {statistics.median(ratio):.2f} ({spread})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=21)
    asked = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for scenario in (startup, verify):
        print(f"{scenario.__name__}:")
        scenario(asked.runs if scenario is startup else min(asked.runs, 5))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()
