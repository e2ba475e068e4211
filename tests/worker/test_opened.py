"""Which files are opened: by the kernel's word, and by the times of last access where there is none."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from prewarm.worker import opened
from prewarm.worker.opened import AccessTimes, Inotify

WAYS: list[type[Inotify | AccessTimes]] = [Inotify, AccessTimes] if sys.platform == "linux" else [AccessTimes]
LONG_AGO_NS = 1_600_000_000 * 10**9


def by_reading(path: Path) -> None:
    path.read_bytes()


def by_mapping(path: Path) -> None:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        assert content[:1] == b"a"


def by_another_process(path: Path) -> None:
    subprocess.run([sys.executable, "-c", f"open({str(path)!r}, 'rb').read()"], check=True)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("read", [by_reading, by_mapping, by_another_process])
def test_what_is_read_is_seen_and_nothing_else(
    tmp_path: Path, way: type[Inotify | AccessTimes], read: Callable[[Path], None]
) -> None:
    there, left = tmp_path / "there", tmp_path / "left"
    for path in (there, left):
        path.write_bytes(b"a" * 5000)
        # As a blob that has lain in a cache for long, and was looked at yesterday.
        os.utime(path, ns=(LONG_AGO_NS + 10**9, LONG_AGO_NS))
    watching = way()
    for path in (there, left):
        watching.watch(path)
    left.stat()
    assert watching.seen() == set()
    read(there)
    assert watching.seen() == {there}
    assert watching.is_whole
    watching.close()
    assert left.stat().st_atime_ns == LONG_AGO_NS + 10**9
    assert [path.stat().st_mtime_ns for path in (there, left)] == [LONG_AGO_NS] * 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["left", "there"]


def test_a_file_system_that_keeps_no_times_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened, "_keeps_times", lambda folder: False)
    path = tmp_path / "there"
    path.write_bytes(b"a")
    had = path.stat().st_atime_ns
    watching = AccessTimes()
    watching.watch(path)
    assert not watching.is_whole
    assert path.stat().st_atime_ns == had


def test_what_cannot_be_watched_is_told(tmp_path: Path) -> None:
    for way in WAYS:
        watching = way()
        watching.watch(tmp_path / "missing")
        assert not watching.is_whole
        watching.close()
