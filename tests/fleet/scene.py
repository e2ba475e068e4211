"""A Ray cluster and the loopback Hub on one machine, for one story; run inside a network namespace of its own.

    python scene.py FOLDER STORY

Every node has a home of its own, and so a cache. What happened is printed as JSON on the last line.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.update(
    RAY_BACKEND_LOG_LEVEL="fatal",
    RAY_USAGE_STATS_ENABLED="0",
    # Ray's own is 15: beside other tests its processes would have next to nothing.
    RAY_worker_niceness="0",
    RAY_health_check_period_ms="500",
    RAY_health_check_failure_threshold="3",
    HF_HUB_DISABLE_TELEMETRY="1",
)

import psutil
from ray.cluster_utils import Cluster

from prewarm.localhub import LocalHub, Repository

STORE_BYTES = 96 << 20
MB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        assert self.out[:1] == "{", self.err[-3000:]
        content: dict[str, Any] = json.loads(self.out)
        return content


class Scene:
    """The cluster, the Hub, and a project's folder."""

    def __init__(self, folder: Path, **hub: Any) -> None:
        self.folder = folder
        self.project = folder / "project"
        self.project.mkdir(parents=True, exist_ok=True)
        self.hub = LocalHub(**hub)
        self.hub.start()
        self.nodes: dict[str, Any] = {}
        self.homes: dict[str, Path] = {}
        self.cluster = Cluster()

    def head(self) -> None:
        """A head that is none of the nodes that are asked for: whoever starts a fleet is connected to it."""
        self.node("head", role="head")
        del self.homes["head"]

    def node(self, name: str, role: str = "node", **env: str) -> None:
        """One more node, with a home of its own."""
        home = self.folder / name
        home.mkdir(exist_ok=True)
        self.homes[name] = home
        first = not self.nodes
        more = {"include_dashboard": False, "ray_client_server_port": 20001} if first else {}
        self.nodes[name] = self.cluster.add_node(
            num_cpus=1,
            object_store_memory=STORE_BYTES,
            labels={"name": name, "role": role},
            env_vars={
                "HF_HOME": str(home),
                "HF_ENDPOINT": self.hub.url,
                "HF_TOKEN_PATH": "/nowhere/token",
                "PYTHONWARNINGS": "default",
                **env,
            },
            **more,
        )

    def serve(self, repo_id: str, files: Mapping[str, bytes | Path]) -> Repository:
        repository = Repository(repo_id=repo_id)
        repository.commit(dict(files))
        return self.hub.add(repository)

    def manifest(self, text: str) -> None:
        (self.project / "prewarm.toml").write_text(text, encoding="utf-8")

    def command(self, *args: str, address: str | None = None) -> list[str]:
        return [sys.executable, "-m", "prewarm", *args, "--address", address or self.cluster.address]

    def environ(self) -> dict[str, str]:
        # Whoever starts a fleet needs no way to the Hub, and no cache.
        return {**os.environ, "HF_HOME": str(self.folder / "driver"), "HF_ENDPOINT": "http://127.0.0.1:9"}

    def start(self, *args: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command("fleet", *args),
            cwd=self.project,
            env=self.environ(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *args: str, address: str | None = None) -> Done:
        done = subprocess.run(
            self.command("fleet", *args, address=address),
            cwd=self.project,
            env=self.environ(),
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        return Done(code=done.returncode, out=done.stdout, err=done.stderr)

    def prewarm(self, home: Path, *args: str) -> None:
        """A command of the project's, with a home and a way to the Hub."""
        done = subprocess.run(
            [sys.executable, "-m", "prewarm", *args],
            cwd=self.project,
            env={**os.environ, "HF_HOME": str(home), "HF_ENDPOINT": self.hub.url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def lock(self) -> None:
        """As a developer's own machine writes it; the Hub counts from there on."""
        self.prewarm(self.folder / "laptop", "lock")
        self.hub.log.clear()

    def forget(self, *names: str) -> None:
        """Let nodes, or all, have nothing; the Hub counts from there on."""
        for name in names or self.homes:
            for path in ("hub", "prewarm", "xet"):
                shutil.rmtree(self.homes[name] / path, ignore_errors=True)
        self.hub.log.clear()

    def on(self, name: str, *args: str) -> Done:
        """A command on a node, as its readiness probe would be."""
        done = subprocess.run(
            [sys.executable, "-m", "prewarm", *args],
            cwd=self.folder,
            env={**os.environ, "HF_HOME": str(self.homes[name]), "HF_ENDPOINT": "http://127.0.0.1:9"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Done(code=done.returncode, out=done.stdout, err=done.stderr)

    def asked(self) -> tuple[int, int]:
        """Metered requests, and bytes of bodies that were files."""
        sent = sum(one.sent_bytes for one in self.hub.log.all() if one.origin == "cdn" or "resolve-cache" in one.path)
        return len(self.hub.log.metered()), sent

    def kill(self, name: str) -> None:
        """The node's raylet and all that it has started, at once, as where a machine is gone."""
        raylet = self.nodes[name].all_processes["raylet"][0].process.pid
        for one in psutil.Process(raylet).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                one.kill()
        self.nodes[name].kill_raylet()

    def node_at_work(self) -> str:
        """The node that fetches at this moment."""
        for name, home in self.homes.items():
            if list(home.glob("hub/models--*/blobs/*.prewarm.incomplete")):
                return name
        return ""

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.cluster.shutdown()
        self.hub.stop()


def until(condition: Callable[[], Any], limit_s: float = 120.0) -> Any:
    deadline = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "what it waits for never happens"
        time.sleep(0.02)
    return found


@contextlib.contextmanager
def scene(folder: Path, **hub: Any) -> Iterator[Scene]:
    made = Scene(folder, **hub)
    try:
        yield made
    finally:
        made.close()


def content(size: int, seed: int = 0) -> bytes:
    """Bytes that are nowhere the same, so that one in the wrong place is noticed."""
    block = random.Random(seed).randbytes(MB)
    return b"".join(number.to_bytes(8, "big") + block[8:] for number in range(size // MB)) + block[: size % MB]


def main() -> None:
    from stories import STORIES

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    folder, story = Path(sys.argv[1]), sys.argv[2]
    sys.stdout.write(json.dumps(STORIES[story](folder, *map(Path, sys.argv[3:]))) + "\n")


if __name__ == "__main__":
    main()
