"""The command as its user sees it: what is printed where, and how it ends."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import MINILM, Prewarm, bug_log_of
from prewarm.localhub import Fault, LocalHub, Quota, Quotas, Repository

Serve = Callable[..., Repository]
FILES_ONLY = '[settings]\nproof = "files"\n'
DATA = '[[advanced]]\nid = "org/files"\ninclude = ["*"]\n'


def test_results_go_to_standard_output_and_progress_to_standard_error(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(DATA)
    result = prewarm()
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0].split() == ["entry", "commit", "files", "size", "downloaded", "loaded", "in", "status"]
    assert lines[1].split() == ["org/files", lines[1].split()[1], "2", "11.2", "kB", "11.2", "kB", "cached"]
    assert "1 of 1 entry ready, 2 files, 11.2 kB, downloaded 11.2 kB in 3 metered requests" in result.out
    assert result.err.splitlines()[0] == "org/files: 2 files, 11.2 kB, 11.2 kB to fetch"
    assert result.err.splitlines()[-1].startswith("org/files: cached in ")
    assert "\x1b" not in result.out + result.err, "no colour into a pipe"


def test_quiet_prints_errors_only(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(DATA)
    result = prewarm("-q")
    assert (result.code, result.out, result.err) == (0, "", "")
    prewarm.manifest('simple = ["org/none"]\n' + FILES_ONLY)
    result = prewarm("-q", "--no-lock")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("org/none: not-found: there is no repository org/none")


def test_the_document_is_as_designed(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(DATA + "required = false\n")
    report = prewarm("--json", "-q").report
    assert (report["schema"], report["command"], report["ok"]) == (1, "warm", True)
    assert report["manifest"].endswith("prewarm.toml")
    assert report["lock"].endswith("prewarm.lock")
    assert report["endpoint"] == prewarm.environ["HF_ENDPOINT"]
    assert report["cache"] == str(prewarm.cache)
    assert set(report["versions"]) >= {"prewarm", "python", "huggingface_hub", "transformers", "torch"}
    totals = report["totals"]
    assert {key: totals[key] for key in ("entries", "ready", "files", "bytes", "downloaded_bytes", "requests")} == {
        "entries": 1,
        "ready": 1,
        "files": 2,
        "bytes": 11240,
        "downloaded_bytes": 11240,
        "requests": 3,
    }
    (entry,) = report["entries"]
    assert (entry["id"], entry["revision"], entry["required"], entry["status"]) == (
        "org/files",
        "main",
        False,
        "cached",
    )
    assert re.fullmatch("[0-9a-f]{40}", entry["commit"])
    assert (entry["proof"], entry["error"]) == (None, None)


def test_a_dry_run_says_what_it_would_cost_and_writes_nothing(zoo_prewarm: Prewarm, zoo_hub: LocalHub) -> None:
    zoo_prewarm.manifest('simple = ["zoo/bin-sharded"]\n')
    report = zoo_prewarm("--dry-run", "--json").report
    assert report["dry_run"]
    assert report["entries"][0]["status"] == "missing"
    assert not zoo_prewarm.home.exists() or not list(zoo_prewarm.home.rglob("*bin-sharded*"))
    assert not (zoo_prewarm.folder / "prewarm.lock").exists()
    real = zoo_prewarm("--json", "--proof", "files").report
    assert report["totals"]["missing_files"] == real["totals"]["files"]
    assert report["totals"]["missing_bytes"] == real["totals"]["downloaded_bytes"]
    shown = zoo_prewarm("--dry-run")
    assert shown.code == 0
    assert "to fetch: 0 B in 0 metered requests" in shown.out


def test_only_warms_what_it_names_and_keeps_the_lock_of_the_others(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    serve("org/more")
    prewarm.manifest(DATA + DATA.replace("org/files", "org/more") + 'name = "more"\n')
    assert len(prewarm("--json").report["entries"]) == 2
    before = (prewarm.folder / "prewarm.lock").read_text()
    assert [entry["id"] for entry in prewarm("--json", "--only", "more").report["entries"]] == ["org/more"]
    assert (prewarm.folder / "prewarm.lock").read_text() == before
    result = prewarm("--only", "org/other")
    assert result.code == 2
    assert "no entry is called 'org/other'" in result.err


def test_the_lock_pins_the_commit(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    repository = serve()
    prewarm.manifest(DATA)
    first = prewarm("--json").report["entries"][0]["commit"]
    repository.commit({"one.txt": b"new", "three.txt": b"3"})
    assert prewarm("--json").report["entries"][0]["commit"] == first
    moved = prewarm("--json", "--no-lock").report["entries"][0]
    assert moved["commit"] == repository.branches["main"]
    assert any(f"main of org/files was {first[:7]}" in note for note in moved["notes"])
    back = prewarm("--json").report["entries"][0]
    assert back["commit"] == first, "the lock was not written by --no-lock"
    assert (prewarm.cache / "models--org--files" / "refs" / "main").read_text() == first


def test_locked_fails_where_the_lock_is_missing_or_out_of_date(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve()
    prewarm.manifest(DATA)
    result = prewarm("--locked")
    assert result.code == 2
    assert "is missing: it lacks org/files" in result.err
    assert hub.log.all() == []
    assert prewarm("-q").code == 0
    assert prewarm("--locked", "-q").code == 0
    prewarm.manifest(DATA.replace('["*"]', '["*.txt"]'))
    result = prewarm("--locked")
    assert result.code == 2
    assert "out of date: it lacks org/files" in result.err
    prewarm.manifest(DATA + DATA.replace("org/files", "org/more"))
    serve("org/more")
    assert prewarm("-q").code == 0
    prewarm.manifest(DATA)
    result = prewarm("--locked")
    assert result.code == 2
    assert "out of date: it has org/more, and the manifest does not" in result.err
    assert prewarm("--locked", "-q", "--only", "org/files").code == 0
    assert prewarm("-q").code == 0
    assert prewarm("--locked", "-q").code == 0


def test_a_folder_that_cannot_be_written_is_said_once(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(DATA)
    (prewarm.folder / "prewarm.lock").mkdir()
    result = prewarm()
    assert result.code == 2, "a folder in the lock's place is no lock"
    assert "prewarm.lock" in result.err


def test_force_brings_everything_again(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(DATA)
    prewarm("-q")
    blob = next(path for path in prewarm.cache.rglob("blobs/*") if path.stat().st_size == 1000)
    blob.write_bytes(b"0" * 1000)
    assert prewarm("--json").report["totals"]["downloaded_bytes"] == 0
    assert prewarm("--json", "--force").report["totals"]["downloaded_bytes"] == 11240
    assert blob.read_bytes() == b"1" * 1000


def test_offline_and_complete_is_ready_offline_and_missing_is_said(
    prewarm: Prewarm, serve: Serve, hub: LocalHub
) -> None:
    serve()
    prewarm.manifest(DATA)
    prewarm("-q")
    hub.stop()
    assert prewarm("-q").code == 0
    assert prewarm("-q", env={"HF_HUB_OFFLINE": "1"}).code == 0
    result = prewarm("--no-lock", env={"HF_HUB_OFFLINE": "1"})
    assert result.code == 1
    assert "HF_HUB_OFFLINE is set, and something is missing" in result.out


@pytest.mark.slow
def test_a_hub_out_of_reach_is_said_with_what_to_look_at(prewarm: Prewarm) -> None:
    prewarm.manifest('simple = ["org/files"]\n' + FILES_ONLY)
    result = prewarm("--json", env={"HF_ENDPOINT": "http://127.0.0.1:1"})
    assert result.code == 1
    error = result.report["entries"][0]["error"]
    assert error["kind"] == "unreachable"
    assert "http://127.0.0.1:1 cannot be reached" in error["message"]
    assert "HF_ENDPOINT" in error["hint"]
    assert "Traceback" not in result.err
    assert "try 2 in" in result.err, "each retry is seen"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_ends_at_once_and_leaves_nothing_half(
    prewarm: Prewarm, serve: Serve, hub: LocalHub, sent: signal.Signals
) -> None:
    serve(files={"slow.bin": bytes(2_000_000), "small.txt": b"x"})
    hub.faults.add(Fault(path="*slow.bin", kind="slow", bytes_per_s=50_000, count=0, origin="cdn"))
    prewarm.manifest('simple = ["zoo/none"]\n' + DATA)
    process = subprocess.Popen(
        prewarm.command(),
        cwd=prewarm.folder,
        env={**prewarm.environ, "TMPDIR": str(prewarm.folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not any(request.origin == "cdn" for request in hub.log.all()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(sent)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "interrupted" in err
    assert "run the command again" in err
    assert out == ""
    assert not list(prewarm.folder.glob("prewarm-proof-*")), "the worker's folder is gone"
    hub.faults.clear()
    prewarm.manifest(DATA)
    assert prewarm("-q").code == 0


def test_another_runs_download_is_waited_for_and_said_and_the_others_go_on(prewarm: Prewarm, serve: Serve) -> None:
    from filelock import FileLock

    content = b"held " * 1000
    serve("org/held", files={"held.bin": content})
    serve("org/free", files={f"{number}.txt": bytes([number]) for number in range(40)})
    prewarm.manifest('[[advanced]]\nid = "org/held"\ninclude = ["*"]\n[[advanced]]\nid = "org/free"\ninclude = ["*"]\n')
    lock = prewarm.cache / ".locks" / "models--org--held" / f"{hashlib.sha256(content).hexdigest()}.lock"
    lock.parent.mkdir(parents=True)
    with FileLock(lock):
        process = subprocess.Popen(
            prewarm.command("--workers", "1"),
            cwd=prewarm.folder,
            env=prewarm.environ,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if len({"another", "cached"} & set(" ".join(said).split())) == 2:
                break
    assert f"org/held: held.bin: waiting for another run's download (process {os.getpid()})\n" in said
    assert any(line.startswith("org/free: cached") for line in said), "before the lock was given back"
    assert process.wait(timeout=30) == 0
    process.stderr.close()


@pytest.mark.slow
def test_the_limit_is_waited_out_and_said(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve(files={f"{number}.txt": bytes([number]) for number in range(8)})
    hub.quotas = Quotas({"resolvers": Quota(requests=5, window_s=8)})
    prewarm.manifest(DATA + "[settings]\nworkers = 1\n")
    result = prewarm("--json")
    assert result.code == 0
    assert result.report["totals"]["waited_s"] > 1
    assert "for the Hub's limit on 'resolvers' to reset" in result.err
    assert not [request for request in hub.log.all() if request.status == 429]


def test_a_limit_beyond_max_wait_ends_the_run_and_keeps_what_arrived(
    prewarm: Prewarm, serve: Serve, hub: LocalHub
) -> None:
    serve(files={f"{number}.txt": bytes([number]) for number in range(8)})
    hub.quotas = Quotas({"resolvers": Quota(requests=5, window_s=300)})
    prewarm.manifest(DATA + '[settings]\nworkers = 1\nmax_wait = "10s"\n')
    result = prewarm("--json")
    assert result.code == 1
    error = result.report["entries"][0]["error"]
    assert error["kind"] == "rate-limited"
    assert "HF_TOKEN" in error["hint"]
    remembered = prewarm("--json")
    assert remembered.entry("org/files")["error"]["kind"] == "rate-limited"
    assert len(hub.log.metered(containing="/resolve/")) == 5, "the next run knows the limit, and does not try it"
    hub.quotas = Quotas({})
    for known in (prewarm.home / "prewarm").glob("limits-*.json"):
        known.unlink()
    again = prewarm("--json")
    assert again.code == 0
    assert again.report["totals"]["missing_files"] == 3


@pytest.mark.slow
def test_on_a_terminal_there_are_live_lines_and_colours(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve(files={"slow.bin": bytes(2_000_000)})
    hub.faults.add(Fault(path="*slow.bin", kind="slow", bytes_per_s=800_000, origin="cdn"))
    prewarm.manifest(DATA)
    master, slave = pty.openpty()
    environ = {**prewarm.environ, "TERM": "xterm-256color", "COLUMNS": "110", "LINES": "30"}
    process = subprocess.Popen(prewarm.command(), cwd=prewarm.folder, env=environ, stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([master], [], [], 0.2)[0]:
            try:
                shown += os.read(master, 65536)
            except OSError:
                break
    assert process.wait(timeout=10) == 0
    text = shown.decode(errors="replace")
    assert "0 of 1 entry ready" in text
    assert re.search(r"of 2\.0 MB +[\d.]+ [kM]B/s", text), "bytes and speed while it works"
    assert "\x1b[32m" in text
    assert "1 of 1 entry ready" in text


def test_help_names_every_command_and_option(prewarm: Prewarm) -> None:
    shown = prewarm("--help")
    assert shown.code == 0
    assert "warm " in shown.out
    assert "demo " in shown.out
    shown = prewarm("warm", "-h")
    for option in ("--manifest", "--only", "--force", "--dry-run", "--locked", "--no-lock", "--json", "--max-wait"):
        assert option in shown.out
    assert prewarm("--version").out.startswith("prewarm ")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["wram"], "did you mean 'warm'?"),
        (["--dryrun"], "--dry-run"),
        (["--locked", "--no-lock"], "exclude each other"),
        (["demo", "extra"], "unexpected extra argument"),
        (["--workers", "none"], "--workers: expected a whole number"),
    ],
)
def test_a_wrong_command_line_is_said_in_one_line(prewarm: Prewarm, args: list[str], said: str) -> None:
    prewarm.manifest('simple = ["org/a"]\n')
    result = prewarm(*args)
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("error: ")
    assert said in result.err


def test_a_token_that_cannot_be_read_is_said(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(DATA)
    (prewarm.folder / "token").mkdir()
    result = prewarm(env={"HF_TOKEN_PATH": str(prewarm.folder / "token")})
    assert result.code == 2
    assert "the token cannot be read" in result.err


def _with_a_bug(prewarm: Prewarm, *, module: str, name: str) -> dict[str, str]:
    (prewarm.folder / "sitecustomize.py").write_text(
        f"import {module} as it\n"
        "def broken(*args, **given):\n    raise ZeroDivisionError('a bug')\n"
        f"it.{name} = broken\n"
    )
    return {"PYTHONPATH": str(prewarm.folder), "TMPDIR": str(prewarm.folder)}


def test_a_bug_becomes_a_log_and_exit_code_3(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(DATA)
    result = prewarm(env=_with_a_bug(prewarm, module="prewarm.operations.warm", name="keep_lock"))
    assert result.code == 3
    assert "Traceback" not in result.err
    log = bug_log_of(result.err)
    assert "ZeroDivisionError: a bug" in log.read_text()


def test_a_bug_in_one_entrys_steps_is_that_entrys(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(DATA)
    result = prewarm("--json", env=_with_a_bug(prewarm, module="prewarm.plan", name="make"))
    assert result.code == 1
    error = result.entry("org/files")["error"]
    assert (error["kind"], error["message"]) == ("internal", "a bug in prewarm: ZeroDivisionError")
    assert "ZeroDivisionError: a bug" in Path(error["hint"].rpartition(": ")[2]).read_text()


def test_the_command_starts_without_the_heavy_libraries(prewarm: Prewarm) -> None:
    done = prewarm.python(
        "import sys\nfrom prewarm.cli.main import main\nmain(['--help'])\n"
        "assert 'click' in sys.modules\n"
        "print([name for name in ('torch', 'transformers', 'huggingface_hub', 'rich', 'httpx2') if name in sys.modules])"
    )
    assert done.out.splitlines()[-1] == "[]"


def test_the_run_itself_never_imports_torch(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(DATA)
    done = prewarm.python(
        "import sys\nfrom prewarm.cli.main import main\nassert main([]) == 0\nassert 'huggingface_hub' in sys.modules\n"
        "print([name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    assert done.out.splitlines()[-1] == "[]"


def test_eleven_small_repositories_cost_less_than_seventy_requests(zoo_prewarm: Prewarm, zoo_hub: LocalHub) -> None:
    """Where a loop over from_pretrained spends 189, and hf download 89 (see docs/design.md)."""
    zoo_prewarm.manifest(
        'simple = ["zoo/text", "zoo/speech", "zoo/bin-only", "zoo/slow-bert", "zoo/slow-gpt2", "zoo/image", '
        '"zoo/multimodal", "zoo/weights-only", "zoo/masked-language"]\n'
        '[[advanced]]\nid = "zoo/summaries"\nmodel_class = "T5ForConditionalGeneration"\n'
        '[[advanced]]\nid = "zoo/custom-code"\ntrust_remote_code = true\n'
    )
    seen = len(zoo_hub.log.metered())
    result = zoo_prewarm("--json")
    assert result.code == 0, result.out
    spent = len(zoo_hub.log.metered()) - seen
    assert result.report["totals"]["entries"] == 11
    assert spent == result.report["totals"]["files"] + 11
    assert spent < 70


@pytest.mark.models
def test_the_demo_shows_the_flow_and_leaves_nothing(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-m", "prewarm", "demo"],
        cwd=tmp_path,
        env={**environ, "TMPDIR": str(tmp_path), "HOME": str(tmp_path), "HF_TOKEN": "hf_mine"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "5 of 5 entries ready, 1 of 1 application ready, 30 files" in done.stdout
    assert "5 entries ready, 30 files, " in done.stdout
    assert "nothing to do" in done.stdout
    assert "36 metered requests in the first run, and 0 of any kind in the second" in done.stdout
    left = [path for path in tmp_path.rglob("*") if path.is_file() and "torch" not in str(path)]
    assert left == []


def test_the_real_model_through_the_whole_way(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest(f'simple = ["{MINILM}"]\n')
    result = zoo_prewarm("--json")
    entry = result.entry(MINILM)
    assert entry["status"] == "proven"
    assert entry["proof"]["parameters"] == 22713216
    assert entry["proof"]["peak_rss_bytes"] > 100_000_000
    assert json.loads(result.out)["totals"]["requests"] == 7
