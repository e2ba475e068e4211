"""Several processes on one machine share what they know of the Hub's windows."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Prewarm
from prewarm.hub.governor import Governor
from prewarm.hub.shared_windows import SharedWindows, Window
from prewarm.localhub import LocalHub, Quota, Quotas, Repository
from prewarm.records.errors import HubError

Serve = Callable[..., Repository]


def answer(left: int, reset_s: float) -> list[dict[str, str]]:
    return [{"RateLimit": f'"api";r={left};t={reset_s}'}]


def governors(folder: Path) -> tuple[Governor, Governor]:
    first, second = (
        Governor(0, lambda event: None, shared=SharedWindows(folder, "http://hub", None)) for _ in range(2)
    )
    return first, second


def test_what_one_learns_the_other_obeys(tmp_path: Path) -> None:
    first, second = governors(tmp_path)
    first.admit("api")
    first.learn("api", answer(2, 100))
    for left in (1, 0):
        second.admit("api")
        second.learn("api", answer(left, 100))
    for governor in (first, second):
        with pytest.raises(HubError):
            governor.admit("api")


def test_a_refusal_is_everybodys(tmp_path: Path) -> None:
    first, second = governors(tmp_path)
    first.admit("api")
    first.refuse("api", {"Retry-After": "50"})
    with pytest.raises(HubError):
        second.admit("api")


def test_windows_of_another_token_or_hub_are_others(tmp_path: Path) -> None:
    first, _ = governors(tmp_path)
    first.admit("api")
    first.learn("api", answer(0, 100))
    for endpoint, token in (("http://hub", "hf_secret"), ("http://other", None)):
        Governor(0, lambda event: None, shared=SharedWindows(tmp_path, endpoint, token)).admit("api")
    assert not any(
        "hf_secret" in path.name or b"hf_secret" in path.read_bytes() for path in (tmp_path / "prewarm").iterdir()
    )


def test_a_window_that_is_over_is_found_out_by_one(tmp_path: Path) -> None:
    first, second = governors(tmp_path)
    first.admit("api")
    first.learn("api", answer(0, 0.1))
    time.sleep(0.6)
    first.admit("api")
    with pytest.raises(HubError):
        second.admit("api")
    first.learn("api", answer(5, 100))
    second.admit("api")


def test_the_later_window_counts_and_the_lesser_rest_of_one() -> None:
    now = Window(remaining=3, resets_at=100)
    assert now.merged(None, 99) == now
    assert now.merged(Window(remaining=1, resets_at=100.5), 99) == Window(remaining=1, resets_at=100)
    later = Window(remaining=9, resets_at=400)
    assert now.merged(later, 99) == later
    assert later.merged(now, 99) == later


def test_a_later_reset_that_was_remembered_does_not_count_against_an_answer_that_is_in_force() -> None:
    answered = Window(remaining=3, resets_at=100)
    assert answered.merged(Window(remaining=0, resets_at=3000), 50) == answered


@pytest.mark.parametrize("content", ["", "{", "[]", '{"api": 3}', '{"api": {"remaining": "x"}}'])
def test_a_damaged_file_is_as_none(tmp_path: Path, content: str) -> None:
    windows = SharedWindows(tmp_path, "http://hub", None)
    windows.change("api", lambda window: (None, Window(remaining=0, resets_at=1e12)))
    (file,) = (tmp_path / "prewarm").glob("*.json")
    file.write_text(content)
    assert windows.change("api", lambda window: (window, None)) is None


def test_without_a_folder_each_counts_for_itself() -> None:
    windows = SharedWindows(Path("/dev/null"), "http://hub", None)
    assert windows.change("api", lambda window: ("done", Window(remaining=0, resets_at=1e12))) == "done"


@pytest.mark.slow
def test_two_processes_stay_inside_one_quota(hub: LocalHub, serve: Serve, prewarm: Prewarm) -> None:
    for name in ("org/a", "org/b"):
        serve(name, files={f"{number}.txt": bytes([number]) for number in range(30)})
    hub.quotas = Quotas({"resolvers": Quota(requests=20, window_s=4)})
    processes = []
    for name in ("org/a", "org/b"):
        folder = prewarm.folder / name.replace("/", "-")
        folder.mkdir()
        (folder / "prewarm.toml").write_text(f'[[advanced]]\nid = "{name}"\ninclude = ["*"]\n')
        processes.append(subprocess.Popen(prewarm.command("-q"), cwd=folder, env=prewarm.environ))
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    assert [request.path for request in hub.log.all() if request.status == 429] == []
    assert len(hub.log.metered(containing="/resolve/")) == 60
