"""Whose a folder for temporary files is, and when it goes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from prewarm.worker import processes, temporary
from prewarm.worker.temporary import OwnFolder, dead

ELSEWHERE = "prewarm.worker.processes._space = lambda: '0' * 8"
REBOOTED = "prewarm.worker.processes._boot = lambda: '0' * 8"
DAY_S = 86_400.0


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@contextmanager
def held(folder: Path, first: str = "") -> Iterator[tuple[Path, Callable[[], None]]]:
    """A folder that another process uses, and what kills that process."""
    code = (
        f"import prewarm.worker.processes, time\n{first}\nfrom prewarm.worker.temporary import OwnFolder\n"
        "folder = OwnFolder()\nprint(folder.path, flush=True)\ntime.sleep(600)\n"
    )
    environ = {**os.environ, "TMPDIR": str(folder)}
    with subprocess.Popen([sys.executable, "-c", code], env=environ, stdout=subprocess.PIPE, text=True) as process:

        def kill() -> None:
            process.kill()
            process.wait()

        try:
            assert process.stdout is not None
            yield Path(process.stdout.readline().strip()), kill
        finally:
            kill()


def aged(path: Path, age_s: float) -> Path:
    at = time.time() - age_s
    os.utime(path, (at, at))
    return path


def test_it_goes_with_its_block(folder: Path) -> None:
    with OwnFolder("scan") as own:
        assert own.parent == folder
        assert own.name.startswith("prewarm-scan-")
        (own / "a").write_text("a")
        assert dead() == []
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("first", ["", ELSEWHERE], ids=["on this machine", "in another container"])
@pytest.mark.parametrize("age_s", [0.0, 2 * DAY_S], ids=["young", "two days old"])
def test_one_that_is_used_stays(folder: Path, first: str, age_s: float) -> None:
    with held(folder, first) as (path, _):
        aged(path, age_s)
        assert dead() == []
        with OwnFolder():
            assert path.is_dir()


@pytest.mark.parametrize(
    ("first", "age_s"),
    [("", 0.0), (ELSEWHERE, 61.0), (REBOOTED, 61.0)],
    ids=["on this machine", "in another container", "before the machine started anew"],
)
def test_one_of_a_killed_process_goes(folder: Path, first: str, age_s: float) -> None:
    with held(folder, first) as (path, kill):
        kill()
        aged(path, age_s)
        assert dead() == [path]
        with OwnFolder() as own:
            assert list(folder.iterdir()) == [own]


def test_one_that_is_about_to_be_locked_stays(folder: Path) -> None:
    with held(folder, ELSEWHERE) as (path, kill):
        kill()
        assert dead() == []
        assert path.is_dir()
    (mine := folder / f"prewarm-proof-{processes.named()}-abc").mkdir()
    assert mine not in dead()


@pytest.mark.parametrize("says", ["there are no locks", "everybody gets the lock"])
def test_where_locks_say_nothing_the_name_does(folder: Path, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporary, "try_lock", lambda _: True if says == "everybody gets the lock" else None)
    with held(folder) as (path, kill), held(folder, ELSEWHERE) as (other, kill_other):
        aged(path, 61.0)
        aged(other, 61.0)
        assert dead() == []
        kill()
        kill_other()
        assert dead() == [path]
        aged(other, DAY_S + 1)
        assert dead() == sorted([path, other])


def test_what_has_another_name_or_is_no_folder_stays(folder: Path) -> None:
    for name in ("prewarm-mine", "prewarm-proof", "prewarm-Proof-abc", "prewarm-proof-1-2-abc", "other-proof-abc"):
        (folder / name).mkdir()
        aged(folder / name, 2 * DAY_S)
    (folder / "prewarm-proof-abc").write_text("a file")
    (folder / "prewarm-proof-link").symlink_to(folder / "prewarm-mine")
    assert dead() == []


def test_one_of_an_older_version_goes_by_its_age(folder: Path) -> None:
    (old := folder / "prewarm-proof-1-abcdefgh").mkdir()
    assert dead() == []
    aged(old, 61.0)
    assert dead() == [old]


def test_names_of_processes_tell_where_they_run(monkeypatch: pytest.MonkeyPatch) -> None:
    own = processes.named()
    assert processes.is_own(own)
    assert processes.is_over(own) is False
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    over = processes.named(gone.pid)
    assert (processes.is_over(over), processes.is_own(over)) == (True, False)
    assert processes.is_over(str(gone.pid)) is None
    monkeypatch.setattr(processes, "_space", lambda: "0" * 8)
    assert (processes.is_over(own), processes.is_over(over), processes.is_own(own)) == (None, None, False)
    assert processes.is_of_this_boot(own)
    monkeypatch.setattr(processes, "_boot", lambda: "0" * 8)
    assert not processes.is_of_this_boot(own)
