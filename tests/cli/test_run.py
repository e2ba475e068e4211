"""``prewarm run``: everything ready, then the command itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Prewarm
from prewarm.localhub import LocalHub, Repository

Serve = Callable[..., Repository]
DATA = '[[advanced]]\nid = "org/files"\ninclude = ["*"]\n'
TELL = "import json, os, sys; print(json.dumps([dict(os.environ), sys.argv[1:], os.getpid()]))"


def test_the_command_finds_the_same_cache_and_is_offline(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve()
    prewarm.manifest(DATA)
    first = prewarm("run", "--", sys.executable, "-c", TELL, "--json", "a b", "")
    assert first.code == 0, first.err
    environ, argv, _ = json.loads(first.out)
    assert argv == ["--json", "a b", ""], "nothing is interpreted"
    assert environ["HF_HUB_OFFLINE"] == "1"
    assert environ["HF_HUB_CACHE"] == str(prewarm.cache)
    assert environ["HF_HOME"] == str(prewarm.home)
    assert "org/files: cached" in first.err, "progress goes to standard error"
    hub.log.clear()
    again = prewarm("run", "--", sys.executable, "-c", TELL)
    assert again.err == ""
    assert hub.log.all() == []


def test_a_relative_cache_is_the_same_wherever_the_command_goes(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(DATA)
    done = prewarm("run", "--", sys.executable, "-c", TELL, env={"HF_HOME": "elsewhere"})
    environ, _, _ = json.loads(done.out)
    assert Path(environ["HF_HUB_CACHE"]) == prewarm.folder / "elsewhere" / "hub"


def test_online_leaves_the_variable_out(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(DATA)
    environ, _, _ = json.loads(prewarm("run", "--online", "--", sys.executable, "-c", TELL).out)
    assert "HF_HUB_OFFLINE" not in environ


def test_it_takes_the_place_of_the_process(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(DATA)
    prewarm("-q")
    process = subprocess.Popen(
        prewarm.command("run", "--", sys.executable, "-c", TELL),
        cwd=prewarm.folder,
        env=prewarm.environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    out, _ = process.communicate(timeout=30)
    assert json.loads(out)[2] == process.pid


@pytest.mark.parametrize(("ends", "code"), [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 15)", -15)])
def test_exit_code_and_signals_are_its_own(prewarm: Prewarm, serve: Serve, ends: str, code: int) -> None:
    serve()
    prewarm.manifest(DATA)
    assert prewarm("run", "--", sys.executable, "-c", ends).code == code


def test_it_is_interrupted_as_if_it_had_been_started_itself(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(DATA)
    prewarm("-q")
    waits = "import time; print('up', flush=True); time.sleep(60)"
    process = subprocess.Popen(
        prewarm.command("run", "--", sys.executable, "-c", waits),
        cwd=prewarm.folder,
        env=prewarm.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(timeout=20) == -signal.SIGINT
    process.stdout.close()


def test_a_required_entry_that_fails_keeps_it_from_starting(prewarm: Prewarm, tmp_path: Path) -> None:
    prewarm.manifest(DATA)
    done = prewarm("run", "--", sys.executable, "-c", f"open({str(tmp_path / 'started')!r}, 'w')")
    assert done.code == 1
    assert "org/files: not-found: there is no repository org/files" in done.err
    assert done.out == ""
    assert not (tmp_path / "started").exists()


def test_an_entry_that_is_not_required_is_tried_once(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve()
    prewarm.manifest(DATA + '[[advanced]]\nid = "org/none"\nrequired = false\n')
    first = prewarm("run", "--", "true")
    assert first.code == 0
    assert "org/none: not-found" in first.err
    hub.log.clear()
    assert prewarm("run", "--", "true").err == ""
    assert hub.log.all() == []


def test_a_command_that_is_not_there_is_said_before_anything_is_fetched(
    prewarm: Prewarm, serve: Serve, hub: LocalHub
) -> None:
    serve()
    prewarm.manifest(DATA)
    done = prewarm("run", "--", "no-such-command")
    assert (done.code, hub.log.all()) == (2, [])
    assert "there is no command 'no-such-command'" in done.err
    assert prewarm("run").code == 2


def test_two_at_once_share_the_work(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve(files={"large.bin": bytes(9_000_000)})
    hub.bytes_per_s = 4_000_000
    prewarm.manifest(DATA)
    prewarm("lock", "-q")
    command = prewarm.command("run", "-q", "--", "true")
    processes = [subprocess.Popen(command, cwd=prewarm.folder, env=prewarm.environ) for _ in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    assert sum(request.sent_bytes for request in hub.log.all() if request.origin == "cdn") == 9_000_000


def test_the_pause_before_a_ready_command_is_short_of_a_load(prewarm: Prewarm, serve: Serve) -> None:
    """Not a time: a process that has imported neither the HTTP client nor torch when it becomes the command."""
    serve()
    prewarm.manifest(DATA)
    prewarm("-q")
    done = prewarm.python(
        "import os, sys\nfrom prewarm.cli.main import main\n"
        "def become(program, words, environ):\n"
        "    assert 'prewarm.operations.check' in sys.modules\n"
        "    print(sorted({'torch', 'httpx', 'httpx2', 'prewarm.operations.tools'} & set(sys.modules)))\n"
        "    raise SystemExit(0)\n"
        "os.execve = become\nmain(['run', '--', 'true'])"
    )
    assert (done.code, done.out) == (0, "[]\n"), done.err
