"""The mirror server olah in front of a Hub."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.nginx import free_port


@contextmanager
def olah(python: str | Path, hub_url: str, storage_url: str) -> Iterator[str]:
    """It runs, with nothing in its store; gives its address.

    Args:
        python: of the environment that has it.
        hub_url: the Hub behind it.
        storage_url: where that Hub's large files lie.
    """
    port = free_port()
    own = f"127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as name, (Path(name) / "said").open("w") as said:
        process = subprocess.Popen(
            [
                str(python), "-m", "olah.server", "--host", "127.0.0.1", "--port", str(port), "--hf-scheme", "http",
                "--hf-netloc", hub_url.removeprefix("http://"),
                "--hf-lfs-netloc", storage_url.removeprefix("http://"),
                "--mirror-netloc", own, "--mirror-lfs-netloc", own,
                "--repos-path", f"{name}/repos", "--log-path", f"{name}/logs",
            ],
            stdout=said, stderr=said,
            env={key: value for key, value in os.environ.items() if not key.startswith("HF_")},
        )  # fmt: skip
        try:
            _wait(f"http://{own}/repos", process)
            yield f"http://{own}"
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
            continue
        return
    raise RuntimeError("olah does not answer")
