"""Runs the steps of a recipe in order, in a folder of its own, as far as there is no container engine, CI or cluster.

What packages a step installs is looked at, and not installed: they are here. A path of an image is one below a folder.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

from conftest import TESTS, Prewarm

EXAMPLES = TESTS.parent / "examples"


def copied(name: str, target: Path) -> Path:
    """The recipe in a folder of its own."""
    shutil.copytree(EXAMPLES / name, target)
    return target


def instructions(text: str) -> list[list[tuple[str, str]]]:
    """(word, rest) of each instruction of a Dockerfile, a list a stage."""
    stages: list[list[tuple[str, str]]] = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            if word == "FROM":
                stages.append([])
            stages[-1].append((word, rest))
    return stages


def needed(names: Sequence[str]) -> set[str]:
    """Packages and all that they need, by what is installed here."""
    found: dict[str, None] = {}
    todo = [Requirement(name) for name in names]
    while todo:
        one = todo.pop()
        extras = ["", *one.extras]
        key = one.name.lower().replace("_", "-")
        if key in found and not one.extras:
            continue
        found[key] = None
        for text in distribution(one.name).requires or []:
            wanted = Requirement(text)
            if wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in extras):
                todo.append(wanted)
    return set(found)


def installs(command: str, folder: Path) -> list[str] | None:
    """The packages that a ``pip install`` names, those of a file included; None: it is another command."""
    words = shlex.split(command)
    if "pip" not in words or "install" not in words:
        return None
    named, rest = [], words[words.index("install") + 1 :]
    while rest:
        word = rest.pop(0)
        if word == "-r":
            lines = (folder / rest.pop(0)).read_text(encoding="utf-8").splitlines()
            named += [line for line in lines if line and not line.startswith("#")]
        elif not word.startswith("-"):
            named.append(word)
    return named


class Machine:
    """Where steps run: a folder with a cache, a Hub, and this environment's programs by their names."""

    def __init__(self, prewarm: Prewarm, *, without_hub: str = "http://127.0.0.1:9") -> None:
        self.folder = prewarm.folder
        bin_folder = str(Path(sys.executable).parent)
        outer = {key: value for key, value in prewarm.environ.items() if not key.startswith("PYTEST_")}
        self.environ = {**outer, "PATH": f"{bin_folder}:{prewarm.environ['PATH']}", "HOME": str(self.folder)}
        self._nowhere = without_hub

    def run(self, command: str | Sequence[str], *, code: int = 0, environ: Mapping[str, str] | None = None) -> str:
        """One step, to its end; what it has printed."""
        words = ["sh", "-c", command] if isinstance(command, str) else list(command)
        done = subprocess.run(
            words, cwd=self.folder, env={**self.environ, **(environ or {})}, capture_output=True, text=True, check=False,
            timeout=300, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == code, f"{command}: {done.stdout[-2000:]}{done.stderr[-3000:]}"
        return done.stdout + done.stderr

    def cut_off(self) -> None:
        """From now on no Hub answers."""
        self.environ["HF_ENDPOINT"] = self._nowhere

    @contextmanager
    def server(self, command: Sequence[str], url: str, *, environ: Mapping[str, str] | None = None) -> Iterator[None]:
        """A step that goes on, from when it answers."""
        log = (self.folder / "server.log").open("w+")
        process = subprocess.Popen(
            list(command), cwd=self.folder, env={**self.environ, **(environ or {})}, stdout=log, stderr=log
        )
        try:
            until = time.monotonic() + 120
            while not _answers(url):
                log.seek(0)
                assert process.poll() is None, log.read()
                assert time.monotonic() < until
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)
            log.close()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def port_in(words: Sequence[str], port: int) -> list[str]:
    """A command with another port: the one of an image is anybody's here."""
    found = list(words)
    for flag in ("--port", "--server.port"):
        if flag in found:
            found[found.index(flag) + 1] = str(port)
    return found


def below(words: Sequence[str], root: Path, *folders: str) -> list[str]:
    """A command with the absolute paths of an image below a folder."""
    pattern = re.compile(rf"(?<![\w/])/(?={'|'.join(map(re.escape, folders))})")
    return [pattern.sub(f"{root}/", word) for word in words]


def variables(rest: str, known: Mapping[str, str]) -> dict[str, str]:
    """Of an ``ENV`` instruction."""
    found = {}
    for pair in shlex.split(rest):
        key, _, value = pair.partition("=")
        found[key] = re.sub(r"\$(\w+)", lambda one: known.get(one[1], ""), value)
    return found
