"""Hashing what is there ends when the user says stop."""

from __future__ import annotations

import subprocess
import sys

ENDLESS = """\
import os, signal, sys, threading, time
from pathlib import Path
from prewarm.flow.verify import verify
from prewarm.cache.disk import DiskCache
from prewarm.records.entry import Entry
from prewarm.records.listing import Digest, RepoFile
from prewarm.records.lock import LockedEntry, LockedRepo

def endless(path, file, read):
    os.kill(os.getpid(), signal.SIGINT)
    while True:
        read(1)
        time.sleep(0.01)

entry = Entry(id="org/a")
file = RepoFile(path="a", size=1, digest=Digest(algorithm="sha256", value="a" * 64))
locked = LockedEntry(entry=entry, repos=(LockedRepo(repo=entry.repo, commit="c" * 40, files=(file,)),))
try:
    verify([locked], DiskCache(Path(".")), endless, lambda event: None)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupt_ends_it_in_the_middle_of_a_file() -> None:
    # In a process of its own: it would never end by itself.
    done = subprocess.run([sys.executable, "-c", ENDLESS], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "interrupted\n", done.stderr
