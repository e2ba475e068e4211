"""Help that fits a screen, an example of each command that really runs, completion, and what a newcomer is offered."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import MINILM, Prewarm
from prewarm.cli.main import COMMANDS, GROUPS, MODULES
from prewarm.localhub import LocalHub, Repository

Serve = Callable[..., Repository]
SCREEN_LINES = 40
APP = f'from sentence_transformers import SentenceTransformer\nSentenceTransformer("{MINILM}")\n'


def example_of(prewarm: Prewarm, name: str) -> list[str]:
    """The words of the example at the end of a command's help."""
    text = prewarm(name, "--help").out
    last = text.rstrip().splitlines()[-1]
    assert last.startswith("  Example: prewarm"), text
    return shlex.split(last.partition(": prewarm")[2])


def test_the_help_fits_a_screen_and_names_every_command_once(prewarm: Prewarm) -> None:
    text = prewarm("--help", env={"COLUMNS": "80"}).out
    lines = text.splitlines()
    assert len(lines) <= SCREEN_LINES
    assert max(map(len, lines)) <= 80
    assert [line.rstrip(":") for line in lines if line.rstrip(":") in GROUPS] == list(GROUPS)
    listed = [match[1] for line in lines if (match := re.match(r"  ([a-z]+)  +\S", line))]
    assert listed == list(COMMANDS)
    modules = {path.stem for path in (Path(__file__).parents[2] / "src/prewarm/cli").glob("*.py")}
    assert {MODULES.get(name, name) for name in COMMANDS} <= modules


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, zoo_hub: LocalHub) -> Prewarm:
    """A project with an application and its entries, ready; examples run in copies of it."""
    prewarm = Prewarm(tmp_path_factory.mktemp("ready") / "project", zoo_hub.url)
    prewarm.folder.mkdir()
    (prewarm.folder / "app.py").write_text(APP)
    assert prewarm("scan", ".", "--write").code == 0
    done = prewarm("-q")
    assert done.code == 0, done.err
    assert prewarm("bundle", "-o", "models.tar").code == 0
    (prewarm.folder / "models.tar").rename(prewarm.folder / "packed.tar")
    return prewarm


EXAMPLES = [
    # These need packages of extras, which the oldest versions are tried without.
    pytest.param(name, marks=pytest.mark.exhaustive) if name in ("export", "serve", "load") else name
    for name in COMMANDS
    # The last two are run where there is a cluster (tests/fleet), and where a server can be ended (tests/mirror).
    if name not in ("demo", "fleet", "mirror")
]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_of_each_command_runs(
    ready: Prewarm, tmp_path: Path, zoo_hub: LocalHub, name: str, request: pytest.FixtureRequest
) -> None:
    words = example_of(ready, name)
    if words and words[0] in COMMANDS:
        assert words[0] == name
    shutil.copytree(ready.folder, tmp_path / "project", symlinks=True)
    copy = Prewarm(tmp_path / "project", zoo_hub.url)
    if name == "unbundle":
        (copy.folder / "packed.tar").rename(copy.folder / "models.tar")
    if name == "serve":
        shutil.copytree(request.getfixturevalue("served") / "models", copy.folder / "models")
    if name in ("history", "note"):
        with (copy.folder / "prewarm.toml").open("a") as file:
            file.write('\n[settings]\nhistory = "prewarm.db"\n')
        assert copy("audit", "-q", "--no-advisories").code in (0, 1), "it leaves a row"
    if name == "init":
        (copy.folder / "prewarm.toml").unlink()
        (copy.folder / "download_models.py").write_text('SIMPLE_MODELS = ["org/a"]\n')
    command = shlex.join(
        copy.command(*[word for word in words if word != ">"][: words.index(">") if ">" in words else None])
    )
    done = subprocess.run(
        command, shell=True, cwd=copy.folder, env=copy.environ, capture_output=True, text=True, check=False, timeout=300
    )
    # An example of an audit may find something; nothing else may fail.
    assert done.returncode == 0 or (name in ("audit", "doctor") and done.returncode == 1), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["a"], {"add", "audit"}),
        (["remove", "sen"], {MINILM}),
        (["check", "--only", "sen"], {MINILM}),
        (["lock", "--upgr"], {"--upgrade"}),
        (["completion", ""], {"bash", "zsh", "fish"}),
    ],
)
def test_words_and_ids_are_completed(ready: Prewarm, words: list[str], found: set[str]) -> None:
    env = {
        "_PREWARM_COMPLETE": "bash_complete",
        "COMP_WORDS": shlex.join(["prewarm", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = ready(env=env)
    assert {line.partition(",")[2] for line in done.out.splitlines()} == found
    assert done.err == ""


def test_completion_is_silent_where_there_is_no_manifest(prewarm: Prewarm) -> None:
    env = {"_PREWARM_COMPLETE": "bash_complete", "COMP_WORDS": "prewarm remove x", "COMP_CWORD": "2"}
    done = prewarm(env=env)
    assert (done.out.strip(), done.err) == ("", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_is_printed_for_a_shell_is_taken_by_it(prewarm: Prewarm, shell: str) -> None:
    done = prewarm("completion", shell)
    assert done.code == 0
    assert "_PREWARM_COMPLETE" in done.out
    if program := shutil.which(shell):
        read = subprocess.run([program, "-n"], input=done.out, text=True, capture_output=True, check=False)
        assert read.returncode == 0, read.stderr


def test_bash_completes_with_it(ready: Prewarm, tmp_path: Path) -> None:
    (tmp_path / "prewarm").write_text(f'#!/bin/sh\nexec {sys.executable} -m prewarm "$@"\n')
    (tmp_path / "prewarm").chmod(0o755)
    text = (
        'eval "$(prewarm completion bash)"; COMP_WORDS=(prewarm remove sen); COMP_CWORD=2; '
        "_prewarm_completion prewarm; echo ${COMPREPLY[@]}"
    )
    env = {**ready.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", text], cwd=ready.folder, env=env, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == MINILM, done.stderr


def on_a_terminal(prewarm: Prewarm, *answers: str) -> tuple[int, str]:
    """What ``prewarm`` without a word says on a terminal, with these lines typed."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        prewarm.command(),
        cwd=prewarm.folder,
        env={**prewarm.environ, "TERM": "dumb"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    os.write(master, "".join(f"{one}\n" for one in answers).encode())
    shown = b""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if select.select([master], [], [], 0.2)[0]:
            try:
                shown += os.read(master, 65536)
            except OSError:
                break
        elif process.poll() is not None:
            break
    return process.wait(10), shown.decode(errors="replace")


def test_in_a_folder_without_a_manifest_a_terminal_is_offered_one(zoo_prewarm: Prewarm) -> None:
    (zoo_prewarm.folder / "app.py").write_text(
        'from transformers import AutoModel\nAutoModel.from_pretrained("zoo/text")\n'
    )
    code, shown = on_a_terminal(zoo_prewarm, "q")
    assert (code, "There is no prewarm.toml here." in shown) == (2, True)
    assert not (zoo_prewarm.folder / "prewarm.toml").exists()
    code, shown = on_a_terminal(zoo_prewarm, "s")
    assert code == 0, shown
    assert "app.py:2" in shown
    assert "proven" in shown
    (zoo_prewarm.folder / "prewarm.toml").unlink()
    (zoo_prewarm.folder / "prewarm.lock").unlink()
    code, shown = on_a_terminal(zoo_prewarm, "a", "zoo/text")
    assert code == 0, shown
    assert "AutoModel and AutoProcessor load it" in shown


def test_elsewhere_it_says_what_to_type(prewarm: Prewarm) -> None:
    done = prewarm()
    assert done.code == 2
    assert "try: prewarm scan . --write finds what your code loads, prewarm add ID writes an entry" in done.err
