"""``prewarm.ensure``: the command from Python, from many places at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from conftest import MINILM, Prewarm
from prewarm.localhub import LocalHub, Repository

Serve = Callable[..., Repository]
DATA = '[[advanced]]\nid = "org/files"\ninclude = ["*"]\n'
ENSURE = (
    "import prewarm\nreport = prewarm.ensure('prewarm.toml')\nprint(report.ok, report.command, report.fetched.bytes)"
)


def test_it_does_what_the_command_does_and_returns_the_report(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve()
    prewarm.manifest(DATA)
    first = prewarm.python(ENSURE)
    assert first.out == "True ensure 11240\n", first.err
    assert "org/files: cached" in first.err
    assert (prewarm.folder / "prewarm.lock").exists()
    hub.log.clear()
    again = prewarm.python(ENSURE)
    assert (again.out, again.err) == ("True ensure 0\n", "")
    assert hub.log.all() == []


def test_a_failure_is_in_the_report_and_raised_where_that_is_asked_for(prewarm: Prewarm) -> None:
    prewarm.manifest(DATA)
    done = prewarm.python(
        "import prewarm\nreport = prewarm.ensure(quiet=True)\n"
        "print(report.ok, report.entries[0].failure.kind)\n"
        "try:\n    report.raise_if_not_ready()\n"
        "except prewarm.NotReadyError as error:\n    print(error, '|', error.hint)"
    )
    assert done.err == ""
    first, second = done.out.splitlines()
    assert first == "False not-found"
    assert second.startswith("org/files: not-found: there is no repository org/files at ")
    assert "| look at the id" in second


def test_a_wrong_manifest_is_raised(prewarm: Prewarm) -> None:
    prewarm.manifest('simpel = ["org/a"]')
    done = prewarm.python(
        "import prewarm\ntry:\n    prewarm.ensure()\nexcept prewarm.InputError as error:\n    print(error, error.hint)"
    )
    assert done.out == "simpel: unknown key did you mean 'simple'?\n"


def test_several_threads_and_processes_do_the_work_once(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve()
    hub.round_trip_s = 0.1
    prewarm.manifest(DATA)
    code = (
        "from concurrent.futures import ThreadPoolExecutor\nimport prewarm\n"
        "with ThreadPoolExecutor(4) as pool:\n"
        "    reports = list(pool.map(lambda _: prewarm.ensure(quiet=True), range(4)))\n"
        "assert all(report.ok for report in reports)\n"
        "print(sum(report.fetched.requests for report in reports))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=prewarm.folder, env=prewarm.environ, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    requests = [int(process.communicate(timeout=120)[0]) for process in processes]
    assert sorted(requests) == [0, 0, 3]
    assert len(hub.log.metered()) == 3


@pytest.mark.models
def test_offline_holds_for_what_was_imported_before(zoo_prewarm: Prewarm, zoo_hub: LocalHub) -> None:
    zoo_prewarm.manifest(f'simple = ["{MINILM}"]')
    code = f"""
import huggingface_hub, os, prewarm, sys
prewarm.ensure(offline=sys.argv[1] == "offline", quiet=True).raise_if_not_ready()
from transformers import AutoTokenizer
print("ready", flush=True)
AutoTokenizer.from_pretrained("{MINILM}")
"""
    asked = {}
    for how in ("offline", "online"):
        before = len(zoo_hub.log.all(containing=MINILM))
        done = subprocess.run(
            [sys.executable, "-c", code, how], cwd=zoo_prewarm.folder, env=zoo_prewarm.environ, check=True,
            capture_output=True,
        )  # fmt: skip
        assert b"ready" in done.stdout
        asked[how] = [one.path for one in zoo_hub.log.all(containing=MINILM)[before:]]
    assert [path for path in asked["offline"] if "chat_template" in path or "/tree/" in path] == []
    assert asked["online"], "the second one asks, with everything there"


def test_reruns_in_one_process_stay_cheap(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    """As Streamlit does it: the same script, again and again, in threads of one process."""
    serve()
    prewarm.manifest(DATA)
    done = prewarm.python(
        "import sys, threading\nscript = compile(\"import prewarm; prewarm.ensure('prewarm.toml')\", 'app.py', 'exec')\n"
        "for _ in range(20):\n"
        "    thread = threading.Thread(target=exec, args=(script, {}))\n    thread.start()\n    thread.join()\n"
        "print(threading.active_count())"
    )
    assert done.out == "1\n", done.err
    assert len(hub.log.all()) == len({request.path for request in hub.log.all()}), "each address once"


def test_the_package_imports_nothing_by_itself(prewarm: Prewarm) -> None:
    done = prewarm.python(
        "import sys\nbefore = set(sys.modules)\nimport prewarm\n"
        "print(sorted(name for name in set(sys.modules) - before if name.startswith('prewarm')), prewarm.__version__)\n"
        "assert callable(prewarm.ensure) and prewarm.Report and 'ensure' in dir(prewarm)"
    )
    assert done.out.startswith("['prewarm'] "), done.err


def test_a_name_that_is_not_there() -> None:
    import prewarm

    with pytest.raises(AttributeError, match="has no attribute 'insure'"):
        _ = prewarm.insure
