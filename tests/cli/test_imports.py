"""What a start imports: each module costs every user of ``prewarm run`` time. Another one belongs here on purpose."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from conftest import Prewarm
from prewarm.localhub import Repository

AT_ANY_START = "__main__ cli cli.interrupts cli.main cli.streams records records.errors records.failure records.text"
OF_A_CHECK = """
cache cache.installed cache.layout cache.memory cache.modules cache.run_memory cache.scan cache.stored cli.options cli.shown
flow flow.check flow.ready formats formats.states hub hub.configuration hub.variables lock lock.content lock.digest
lock.file lock.lines manifest manifest.application manifest.audit manifest.export manifest.read manifest.sample
manifest.settings manifest.toml manifest.values manifest.wrapped operations operations.bug_log operations.check
operations.machine operations.project records.confinement records.entry records.export records.libraries records.listing
records.lock records.names records.plan records.proof records.report records.run records.sample records.speed
records.stage records.units
"""
SLOW = {
    "asyncio",
    "http.client",
    "ssl",
    "email",
    "urllib.request",
    "multiprocessing",
    "concurrent.futures",
    "difflib",
    "sqlite3",
}
"""Of the standard library: a third of a check each, or more."""
_CODE = """
import atexit, sys
atexit.register(lambda: print("\\n@@", *sorted(sys.modules), file=sys.stderr))
from prewarm.__main__ import main
sys.argv[0] = "prewarm"
sys.exit(main())
"""


def imported(prewarm: Prewarm, *words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _CODE, *words], cwd=prewarm.folder, env=prewarm.environ, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(done.stderr.rpartition("@@")[2].split())


def own(modules: set[str]) -> set[str]:
    return {name.removeprefix("prewarm.") for name in modules if name.startswith("prewarm.")}


def others(modules: set[str]) -> set[str]:
    """Installed packages, by their first names."""
    from importlib.metadata import packages_distributions

    known = packages_distributions()
    return {name for name in modules if name in known and not name.startswith("_")}


def test_help_imports_the_command_line_and_nothing_else(prewarm: Prewarm) -> None:
    found = imported(prewarm, "--help")
    assert own(found) == set(AT_ANY_START.split())
    assert others(found) - {"prewarm"} == {"click"}
    assert not SLOW & found


@pytest.mark.parametrize("words", [["check"], []], ids=["check", "nothing to do"])
def test_a_check_imports_what_a_check_needs(
    prewarm: Prewarm, serve: Callable[..., Repository], words: list[str]
) -> None:
    serve()
    prewarm.manifest('[[advanced]]\nid = "org/files"\ninclude = ["*"]\n')
    assert prewarm("-q").code == 0
    found = imported(prewarm, *words)
    command = {f"cli.{words[0] if words else 'warm'}"}
    assert own(found) == set(AT_ANY_START.split()) | set(OF_A_CHECK.split()) | command
    assert others(found) - {"tomli", "typing_extensions", "prewarm"} == {"click", "huggingface_hub"}
    assert {name for name in found if name.startswith("huggingface_hub.")} <= {
        "huggingface_hub.constants",
        "huggingface_hub._version",
    }
    assert not SLOW & found


def test_a_page_of_help_for_an_error_needs_no_library(prewarm: Prewarm) -> None:
    assert others(imported(prewarm, "explain", "gated")) - {"prewarm"} == {"click"}


def test_certificates_that_are_named_cost_a_check_no_library(
    prewarm: Prewarm, serve: Callable[..., Repository]
) -> None:
    import certifi

    serve()
    prewarm.manifest('[[advanced]]\nid = "org/files"\ninclude = ["*"]\n')
    assert prewarm("-q").code == 0
    prewarm.environ["SSL_CERT_FILE"] = certifi.where()
    assert "ssl" not in imported(prewarm, "check")
