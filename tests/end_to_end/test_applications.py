"""Commands of the application's: through the gateway once, then offline."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from conftest import TOKEN, Prewarm, interrupted_when
from prewarm.localhub import LocalHub, Repository

APP = """\
import os
from pathlib import Path
from huggingface_hub import hf_hub_download
assert not [name for name, value in os.environ.items() if "TokenOfTheTests" in value]
print(Path(hf_hub_download("org/files", "one.txt")).read_text())
print(Path(hf_hub_download("org/further", "data.json")).read_text())
"""
MANIFEST = """\
[[advanced]]
id = "org/files"
include = ["one.txt"]

[[application]]
name = "app"
command = [PYTHON, "app.py"]
"""


@pytest.fixture
def project(prewarm: Prewarm, serve: Callable[..., Repository]) -> Prewarm:
    serve("org/files", {"one.txt": b"one", "two.txt": b"two"})
    serve("org/further", {"data.json": b"{}", "more.json": b"[]"})
    (prewarm.folder / "app.py").write_text(APP)
    write(prewarm)
    return prewarm


def write(prewarm: Prewarm, more: str = "", *, manifest: str = MANIFEST) -> None:
    prewarm.manifest(manifest.replace("PYTHON", f'"{sys.executable}"') + more)


def application(report: dict[str, Any], name: str = "app") -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in report["applications"] if one["name"] == name)
    return found


def test_what_it_asks_for_beyond_the_entries_is_fetched_and_locked(project: Prewarm, hub: LocalHub) -> None:
    done = project("--json", env={"HF_TOKEN": TOKEN})
    assert done.code == 0, done.err
    found = application(done.report)
    assert (found["status"], found["exit_code"], found["last_words"]) == ("proven", 0, "one\n{}")
    assert found["files"] == 1
    assert found["repositories"][0].startswith("org/further at ")
    assert len(hub.log.metered()) == 4
    lock = (project.folder / "prewarm.lock").read_text()
    assert "[[application.repo]]" in lock
    assert "data.json" in lock
    assert "more.json" not in lock
    assert project.python(APP, HF_HUB_OFFLINE="1").out == "one\n{}\n"


def test_its_lock_makes_an_empty_cache_ready(project: Prewarm, hub: LocalHub) -> None:
    assert project().code == 0
    project.environ["HF_HOME"] = str(project.folder / "another")
    hub.log.clear()
    assert project("--json").code == 0
    assert len(hub.log.metered()) == 2, "a request a file, and nothing else"


def test_its_proof_is_remembered_with_the_sources_that_it_names(project: Prewarm, hub: LocalHub) -> None:
    write(project, 'sources = ["*.py"]\n')
    assert project().code == 0
    assert project("check").code == 0
    assert "nothing to do" in project().out
    (project.folder / "app.py").write_text(APP + "print('changed')\n")
    done = project("check")
    assert done.code == 1
    assert "changed since it was proven: its sources" in done.out
    hub.log.clear()
    assert application(project("--json").report)["last_words"].endswith("changed")
    assert not hub.log.all(), "what it asks for is locked and there"
    assert project("check").code == 0


def test_without_sources_it_is_run_by_prewarm_and_not_at_every_start(project: Prewarm) -> None:
    assert project().code == 0
    done = project("check")
    assert done.code == 1
    assert "names no sources" in done.out
    assert project("run", "--", sys.executable, "-c", "print('up')").out == "up\n"


def test_verify_runs_it_offline(project: Prewarm, hub: LocalHub) -> None:
    assert project().code == 0
    hub.log.clear()
    done = project("verify", "--json")
    assert done.code == 0, done.err
    assert application(done.report)["status"] == "proven"
    assert not hub.log.all()


def test_it_fails_by_its_exit_code_with_its_last_words(project: Prewarm) -> None:
    (project.folder / "app.py").write_text("import sys\nprint('first')\nsys.exit('no such voice')\n")
    done = project("--json")
    assert done.code == 1
    found = application(done.report)
    assert (found["status"], found["exit_code"]) == ("failed", 1)
    assert found["error"]["message"] == "online it ended with 1: no such voice"
    write(project, "required = false\n")
    assert project().code == 0


def test_what_loads_online_and_not_offline_is_said(project: Prewarm) -> None:
    (project.folder / "app.py").write_text(
        "import os, sys\nif 'HF_HUB_OFFLINE' in os.environ: sys.exit('it wants the network')\n"
    )
    done = project()
    assert done.code == 1
    assert "offline it ended with 1: it wants the network" in done.out
    assert "reaches no other machine" in done.out


def test_offline_no_other_address_answers(project: Prewarm, hub: LocalHub) -> None:
    port = hub.url.rpartition(":")[2]
    (project.folder / "app.py").write_text(
        f"""
import socket, sys
try:
    socket.create_connection(("127.0.0.1", {port}), timeout=5)
except OSError:
    sys.exit(0)
sys.exit("it got out")
"""
    )
    assert project().code == 0


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_where_namespaces_are_refused_it_is_the_same(project: Prewarm, hub: LocalHub) -> None:
    project.in_a_container()
    write(project)
    done = project("--json")
    assert done.code == 0, done.out
    assert application(done.report)["status"] == "proven"
    port = hub.url.rpartition(":")[2]
    for kind, target in (("SOCK_STREAM", f'("127.0.0.1", {port})'), ("SOCK_DGRAM", '("127.0.0.1", 9)')):
        (project.folder / "app.py").write_text(
            f"import socket, sys\ntry:\n    socket.socket(type=socket.{kind}).connect({target})\n"
            "except OSError:\n    sys.exit(0)\nsys.exit('it got out')\n"
        )
        assert project().code == 0


def test_it_waits_for_the_entries(project: Prewarm) -> None:
    write(project, manifest=MANIFEST.replace('["one.txt"]', '["absent.txt"]'))
    done = project("--json")
    assert done.code == 1
    found = application(done.report)
    assert found["status"] == "missing"
    assert found["notes"] == ["not run: org/files is not ready"]


def test_one_that_takes_too_long_is_ended(project: Prewarm) -> None:
    (project.folder / "app.py").write_text("import time\nprint('up', flush=True)\ntime.sleep(600)\n")
    write(project, "timeout = 1\n")
    done = project("--json")
    found = application(done.report)
    assert found["error"]["kind"] == "timeout"
    assert "raise its timeout" in found["error"]["hint"]


def test_a_command_that_is_nowhere_is_said(project: Prewarm) -> None:
    write(project, manifest=MANIFEST.replace('[PYTHON, "app.py"]', '["no-such-command"]'))
    done = project()
    assert done.code == 1
    assert "there is no command 'no-such-command'" in done.out


def test_only_names_it(project: Prewarm) -> None:
    assert project("--only", "org/files", "--json").report["applications"] == []
    done = project("--only", "app", "--json")
    assert done.report["entries"] == []
    assert application(done.report)["status"] == "proven"
    assert "the entries are org/files, app" in project("--only", "apple").err


def test_locked_fails_where_it_was_never_run(project: Prewarm) -> None:
    assert project("lock").code == 0
    done = project("--locked")
    assert done.code == 2
    assert "what app asks for is seen" in done.err
    assert project().code == 0
    assert project("--locked").code == 0


def test_with_proof_files_it_is_not_run(project: Prewarm) -> None:
    done = project("--proof", "files", "--json")
    assert done.code == 0
    assert application(done.report)["exit_code"] is None


def test_an_interrupt_ends_it(project: Prewarm) -> None:
    note = project.folder / "up"
    (project.folder / "app.py").write_text(f"import time\nopen({str(note)!r}, 'w').close()\ntime.sleep(600)\n")
    with subprocess.Popen(
        project.command(), cwd=project.folder, env=project.environ, stderr=subprocess.PIPE
    ) as process:
        said = interrupted_when(process, note)
    assert process.returncode == 130
    assert b"Traceback" not in said


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "application[0]: there is no command"),
        ('command = "python app.py"', '"python", "app.py"'),
        ("command = []", "application[0].command"),
        ('command = ["a"]\ntimeout = "soon"', "application[0].timeout"),
        ('command = ["a"]\nsource = ["a"]', "did you mean 'sources'?"),
        ('command = ["a"]\nsources = ["../a"]', "application[0].sources[0]"),
        ('command = ["a"]\nname = "org/files"', "is the name of another one"),
    ],
)
def test_what_is_wrong_with_it_is_said_before_anything_is_done(project: Prewarm, text: str, place: str) -> None:
    project.manifest(f'simple = ["org/files"]\n[[application]]\n{text}\n')
    done = project()
    assert done.code == 2
    assert place in done.err
