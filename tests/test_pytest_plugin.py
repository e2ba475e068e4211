"""``pytest --prewarm`` in a project of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from conftest import Prewarm, Result
from prewarm.localhub import LocalHub, Repository

Serve = Callable[..., Repository]
DATA = '[[advanced]]\nid = "org/files"\ninclude = ["*"]\n'
CONFTEST = "import huggingface_hub.constants as constants\n\nOFFLINE = constants.HF_HUB_OFFLINE\n"
TEST = """\
from huggingface_hub import hf_hub_download
from conftest import OFFLINE


def test_the_file():
    assert open(hf_hub_download("org/files", "one.txt")).read() == "1" * 1000


def test_offline():
    assert OFFLINE
"""


@pytest.fixture
def project(prewarm: Prewarm, serve: Serve) -> Prewarm:
    serve()
    prewarm.manifest(DATA)
    (prewarm.folder / "conftest.py").write_text(CONFTEST)
    (prewarm.folder / "test_it.py").write_text(TEST)
    return prewarm


def run(project: Prewarm, *args: str) -> Result:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args],
        cwd=project.folder,
        # Not as a worker of the tests' own run.
        env={name: value for name, value in project.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
    )
    return Result(code=done.returncode, out=done.stdout, err=done.stderr)


def test_the_models_are_there_before_the_first_conftest_and_the_tests_are_offline(
    project: Prewarm, hub: LocalHub
) -> None:
    done = run(project, "--prewarm")
    assert done.code == 0, done.out + done.err
    assert "prewarm: every model is ready, and the tests run offline" in done.out
    assert "2 passed" in done.out
    assert len(hub.log.metered()) == 3, "one listing and two files, and none of the tests'"


def test_workers_of_xdist_do_not_do_it_again(project: Prewarm, hub: LocalHub) -> None:
    done = run(project, "--prewarm", "-n", "2")
    assert "2 passed" in done.out, done.out + done.err
    assert len(hub.log.metered()) == 3


def test_it_is_off_unless_asked_for(project: Prewarm, hub: LocalHub) -> None:
    done = run(project, "-k", "offline")
    assert "1 failed" in done.out
    assert hub.log.all() == []


def test_models_that_cannot_be_made_ready_end_it_before_the_first_test(project: Prewarm) -> None:
    project.manifest(DATA.replace("org/files", "org/none"))
    done = run(project, "--prewarm")
    assert done.code == 4
    assert "org/none: not-found" in done.err
    assert "the models are not ready" in done.err
    assert "passed" not in done.out


def test_the_manifest_may_be_elsewhere(project: Prewarm) -> None:
    (project.folder / "deploy").mkdir()
    (project.folder / "prewarm.toml").rename(project.folder / "deploy" / "models.toml")
    (project.folder / "pytest.ini").write_text("[pytest]\nprewarm_manifest = deploy/models.toml\n")
    done = run(project, "--prewarm")
    assert "2 passed" in done.out, done.out + done.err
    assert (project.folder / "deploy" / "prewarm.lock").exists()
