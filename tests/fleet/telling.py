"""Runs a story of ``stories.py`` in a process and, where the system allows it, a network namespace of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
# Of processes as well: Ray takes a cluster of another test for one of this machine.
_ALONE = [
    "unshare",
    "--map-root-user",
    "--net",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "sh",
    "-c",
    'ip link set lo up && exec "$@"',
    "sh",
]


def _alone() -> list[str]:
    tried = subprocess.run([*_ALONE, "true"], capture_output=True, check=False)
    return _ALONE if tried.returncode == 0 else []


def told(folder: Path, name: str, *args: Path) -> dict[str, Any]:
    """What a story has seen; it has a machine for itself.

    Args:
        folder: for all that it writes.
        name: of the story.
        args: for it.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "RAY_", "PYTEST_"))}
    done = subprocess.run(
        [*_alone(), sys.executable, str(HERE / "scene.py"), str(folder / "s"), name, *map(str, args)],
        env={**environ, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def nodes_of(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The nodes of a report, by the name that the story has given them."""
    return {node["labels"]["name"]: node for node in report["nodes"]}
