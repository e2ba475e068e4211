"""``pytest --prewarm``: the manifest is ready before the first test, and the tests run offline. Off unless asked for.

The work is done in another process, so that nothing here has imported huggingface_hub before it is told to be offline.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flag, and the manifest's place to the configuration file."""
    group = parser.getgroup("prewarm")
    group.addoption(
        "--prewarm",
        action="store_true",
        default=False,
        help="make the models of prewarm.toml ready before the tests, and run these offline",
    )
    parser.addini("prewarm_manifest", "the manifest, relative to the root folder (default: prewarm.toml)", default="")


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Before any conftest.py can import a library that reads HF_HUB_OFFLINE."""
    # Workers of xdist are started by a process that has done it.
    if early_config.known_args_namespace.prewarm and "PYTEST_XDIST_WORKER" not in os.environ:
        _make_ready(early_config)
    return (yield)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say that it was done."""
    return "prewarm: every model is ready, and the tests run offline" if config.getoption("--prewarm") else None


def _make_ready(config: pytest.Config) -> None:
    named = str(config.getini("prewarm_manifest"))
    command = [sys.executable, "-m", "prewarm", "warm", "--quiet", *(["--manifest", named] if named else [])]
    if subprocess.run(command, cwd=config.rootpath, check=False, stdin=subprocess.DEVNULL).returncode:
        raise pytest.UsageError("--prewarm: the models are not ready, see above; look closer with: prewarm")
    from prewarm.hub import offline

    # Another plugin may have imported huggingface_hub before.
    offline.from_now_on(os.environ)
