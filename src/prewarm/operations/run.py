"""Everything ready, then a command in this process's place. Changes with what the command is given."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NoReturn

from prewarm.flow.ready import has_to_be_tried
from prewarm.hub import configuration
from prewarm.operations.check import check
from prewarm.operations.project import Project
from prewarm.records.errors import CommandError
from prewarm.records.events import Observer
from prewarm.records.report import Report


def make_ready(
    project: Project, observing: AbstractContextManager[Observer], environ: Mapping[str, str]
) -> tuple[Report, bool]:
    """Warm what the command would wait for; what failed before and is not required is not tried at every start.

    Args:
        project: the entries.
        observing: gives what is told of the progress, where there is any.
        environ: the process's environment.

    Returns:
        The report, and whether there was anything to do.
    """
    found = check(project, "run")
    if not any(map(has_to_be_tried, found.all)):
        return found, False
    from prewarm.operations.warm import warm

    with observing as observe:
        return warm(project, observe, environ, command="run"), True


def environment(environ: Mapping[str, str], *, online: bool) -> dict[str, str]:
    """What the command is started with: the user's environment, the cache that was made ready, and no way past it."""
    kept = {**environ, "HF_HOME": str(configuration.home()), "HF_HUB_CACHE": str(configuration.cache_root())}
    return kept if online else {**kept, "HF_HUB_OFFLINE": "1"}


def find_program(word: str) -> str:
    """Where a command is.

    Raises:
        CommandError: it is nowhere.
    """
    program = shutil.which(word)
    if program is None:
        raise CommandError(f"there is no command '{word}'", hint="look at its name, and at PATH")
    return program


def become(program: str, words: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Run the command in this process's place: signals and exit code are its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        os.execve(program, list(words), environ)  # noqa: S606 (no shell is wanted)
    # Elsewhere exec starts another process and ends this one, so that the shell would not wait.
    sys.exit(subprocess.run([program, *words[1:]], env=environ, check=False).returncode)
