"""What is put together: the lock where its folder cannot be written."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from prewarm.operations import lock_file
from prewarm.operations.project import load
from prewarm.records.events import Event, Notice
from prewarm.records.lock import Lock, LockedEntry, LockedRepo


def test_a_read_only_folder_is_said_once_and_the_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "prewarm.toml").write_text('simple = ["org/a"]')
    project = load(tmp_path / "prewarm.toml", environ={})

    def refuse(path: Path, text: str) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(lock_file, "write_text", refuse)
    events: list[Event] = []
    assert not lock_file.write_lock(project, Lock(), events.append)
    (event,) = events
    assert isinstance(event, Notice)
    assert event.text == "prewarm.lock cannot be written (Read-only file system): this run goes on without it"
    monkeypatch.undo()
    assert lock_file.write_lock(project, Lock(), events.append)
    assert lock_file.write_lock(project, Lock(), events.append)
    assert len(events) == 1


def test_a_lock_that_is_to_stay_stays(tmp_path: Path) -> None:
    (tmp_path / "prewarm.toml").write_text('simple = ["org/a"]')
    (tmp_path / "prewarm.lock").write_text("schema = 1\n")
    events: list[Event] = []
    project = load(tmp_path / "prewarm.toml", environ={}, only=[])
    from dataclasses import replace

    repo = LockedRepo(repo=project.entries[0].repo, commit="a" * 40, files=())
    lock = Lock(entries=(LockedEntry(entry=project.entries[0], repos=(repo,)),))
    assert not lock_file.write_lock(replace(project, is_locked=True), lock, events.append)
    assert (tmp_path / "prewarm.lock").read_text() == "schema = 1\n"
    assert "--locked keeps it" in str(events)
