"""The user's files and standard streams, in wrong forms and in no form."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from outcomes import ALL, Serve, no_trace

from conftest import Prewarm
from prewarm.manifest.read import load
from prewarm.manifest.settings import resolve
from prewarm.records.errors import InputError, ManifestError

# --- The user's files ------------------------------------------------------------------------------------------------

MANIFESTS = {
    "a date among the keywords": '[[advanced]]\nid = "a/b"\nmodel_kwargs = { since = 2026-01-01 }\n',
    "a time deep among them": '[[advanced]]\nid = "a/b"\nprocessor_kwargs = { a = [ { b = 07:32:00 } ] }\n',
    "an endless time-out": 'simple = ["a/b"]\n[settings]\nproof_timeout = 1e300\n',
    "a time-out without an end": 'simple = ["a/b"]\n[settings]\nproof_timeout = inf\n',
    "a time-out that is no number": 'simple = ["a/b"]\n[settings]\nmax_wait = nan\n',
    "tables within tables": "x = " + "[" * 3000 + "]" * 3000,
    "keywords within keywords": '[[advanced]]\nid = "a/b"\nmodel_kwargs = ' + "{ a = " * 3000 + "1" + " }" * 3000,
    "a number of 5,000 digits": "x = " + "9" * 5000,
    "a subfolder that leads out": '[[advanced]]\nid = "a/b"\nprocessor_kwargs = { subfolder = "../../x" }\n',
    "a speed that is none": 'simple = ["a/b"]\n[settings]\nmin_speed = "1 kB/s"\n',
    "a speed over no time": 'simple = ["a/b"]\n[settings]\nmin_speed = "1 kB/s over 0 s"\n',
    "digits of another script": 'simple = ["a/b"]\n[settings]\nworkers = "٣"\n',
    "a revision that is too long": f'[[advanced]]\nid = "a/b"\nrevision = "{"é" * 200}"\n',
}


@pytest.mark.parametrize("case", MANIFESTS)
def test_a_manifest_that_cannot_be(tmp_path: Path, case: str) -> None:
    path = tmp_path / "prewarm.toml"
    path.write_text(MANIFESTS[case], encoding="utf-8")
    with pytest.raises(InputError) as raised:
        resolve(load(path).settings, {}, {})
    assert raised.value.message
    assert "\n" not in raised.value.message


@pytest.mark.parametrize("text", ["tool = 1\n", "tool = []\n", "[tool]\nprewarm = 3\n", "[tool]\nprewarm = []\n"])
def test_a_pyproject_of_another_form(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(text)
    with pytest.raises(ManifestError):
        load(path)
    with pytest.raises(ManifestError):
        load(tmp_path)


# --- Standard output -------------------------------------------------------------------------------------------------


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")


@needs_full
@pytest.mark.parametrize("args", [[], ["check"], ["--json"], ["check", "--json"], ["lock"], ["clean"], ["--help"]])
def test_a_full_standard_output(prewarm: Prewarm, serve: Serve, args: list[str]) -> None:
    serve()
    prewarm.manifest(ALL)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            prewarm.command(*args),
            cwd=prewarm.folder,
            env=prewarm.environ,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "standard output cannot be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("args", ["", "check", "--json"])
def test_closed_streams_are_nobodys_file(prewarm: Prewarm, serve: Serve, closed: str, args: str) -> None:
    serve()
    prewarm.manifest(ALL)
    done = subprocess.run(
        f'"{sys.executable}" -m prewarm {args} {closed}',
        shell=True,
        cwd=prewarm.folder,
        env=prewarm.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (1 if args == "check" else 0), done.stderr
    assert "Traceback" not in done.stderr
    assert prewarm("verify").code == (1 if args == "check" else 0), "what was printed is in no file of the cache"


@needs_full
def test_a_full_standard_error_ends_no_download(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(ALL)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            prewarm.command("-v"),
            cwd=prewarm.folder,
            env=prewarm.environ,
            stderr=full,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 0
    assert "1 of 1 entry ready" in done.stdout


def test_a_terminal_of_letters_alone(prewarm: Prewarm, serve: Serve) -> None:
    serve(files={"größe.txt": b"x"})
    prewarm.manifest('[[advanced]]\nid = "org/files"\nname = "größe → 3"\ninclude = ["*"]\n')
    letters = {"PYTHONIOENCODING": "ascii"}
    result = prewarm("-v", env=letters)
    no_trace(result)
    assert result.code == 0
    prewarm.manifest('[[advanced]]\nid = "org/files"\nname = "größe → 4"\ninclude = ["*.txt"]\n')
    result = prewarm("-v", "--force", env={**letters, "PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"})
    no_trace(result)
    assert result.code == 0 or "PYTHONUTF8" in result.err + result.out
