"""What the tests here share: an entry that wants every file, and what a command said of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conftest import Prewarm, Result
from prewarm.localhub import Repository

Serve = Callable[..., Repository]
ALL = '[[advanced]]\nid = "org/files"\ninclude = ["*"]\n'
LARGE = bytes(range(256)) * 40_000


def error_of(result: Result) -> dict[str, Any]:
    """Why the first entry failed."""
    assert result.code == 1, result.err
    error: dict[str, Any] = result.report["entries"][0]["error"]
    return error


def failed(prewarm: Prewarm, *args: str) -> dict[str, Any]:
    """Why the first entry fails."""
    return error_of(prewarm("--json", *args))


def no_trace(result: Result) -> None:
    """Whatever came of it, it was told as no bug of ours."""
    assert "Traceback" not in result.err + result.out
    assert "a bug in prewarm" not in result.err + result.out
    assert result.code in (0, 1, 2), result.err
