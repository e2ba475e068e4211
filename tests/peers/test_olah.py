"""A mirror that others run (the package olah) between prewarm and the Hub."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import MINILM, Prewarm
from prewarm.localhub import LocalHub


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def mirror(tmp_path: Path, zoo_hub: LocalHub) -> Iterator[str]:
    port = free_port()
    behind = zoo_hub.url.removeprefix("http://")
    log = (tmp_path / "olah.log").open("w")
    process = subprocess.Popen(
        [
            sys.executable, "-m", "olah.server", "--host", "127.0.0.1", "--port", str(port), "--hf-scheme", "http",
            "--hf-netloc", behind, "--hf-lfs-netloc", zoo_hub.cdn_url.removeprefix("http://"), "--mirror-netloc",
            f"127.0.0.1:{port}", "--mirror-lfs-netloc", f"127.0.0.1:{port}", "--repos-path", str(tmp_path / "repos"),
            "--log-path", str(tmp_path / "logs"),
        ],
        stdout=log,
        stderr=log,
        env={name: value for name, value in os.environ.items() if not name.startswith("HF_")},
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{url}/repos", timeout=1).close()
            break
        except urllib.error.HTTPError:
            break
        except OSError:
            assert process.poll() is None, (tmp_path / "olah.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)
    yield url
    process.terminate()
    process.wait(timeout=20)
    log.close()


def test_models_come_through_a_mirror(tmp_path: Path, mirror: str) -> None:
    prewarm = Prewarm(tmp_path, mirror)
    prewarm.manifest(
        f'simple = ["{MINILM}", "zoo/bin-sharded"]\n'
        '[[advanced]]\nid = "zoo/custom-code"\ntrust_remote_code = true\n'
        '[[advanced]]\nid = "zoo/none"\nrequired = false\n'
    )
    result = prewarm("--json")
    assert result.code == 0, result.out + result.err
    for repo_id in (MINILM, "zoo/bin-sharded", "zoo/custom-code"):
        assert result.entry(repo_id)["status"] == "proven", result.out
    assert result.entry("zoo/none")["error"]["kind"] in ("not-found", "unauthorized")
    again = prewarm("--json")
    assert {entry["id"]: entry["requests"] for entry in again.report["entries"] if entry["requests"]} == {"zoo/none": 1}
