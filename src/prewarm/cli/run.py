"""``prewarm run``: everything ready, then the application in this process's place. Changes with what it is given."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import click

from prewarm.cli import options
from prewarm.records.errors import CommandError


@click.command(
    "run",
    short_help="Make every entry ready, then run a command offline.",
    context_settings={"allow_interspersed_args": False},
)
@options.manifest
@options.only
@click.option("--online", is_flag=True, help="Leave HF_HUB_OFFLINE out of the command's environment.")
@options.locked
@options.no_lock
@options.settings
@options.quiet
@options.verbose
@click.argument("words", metavar="-- COMMAND [ARGS]...", nargs=-1, type=click.UNPROCESSED)
def command(
    path: Path | None,
    only: Sequence[str],
    online: bool,
    locked: bool,
    no_lock: bool,
    quiet: bool,
    verbose: bool,
    words: Sequence[str],
    **flags: str | None,
) -> int:
    """Make the manifest's entries ready, and run COMMAND with HF_HUB_OFFLINE=1 and the same cache.

    The command takes the place of this process: signals and exit code are its own. Where a required entry cannot be
    made ready it is not started, and the exit code is 1.
    """
    from prewarm.flow.ready import has_to_be_tried
    from prewarm.operations.check import survey
    from prewarm.operations.project import load

    options.refuse_both(locked, no_lock)
    if not words:
        raise click.UsageError("there is no command to run: prewarm run -- streamlit run app.py")
    program = _find(words[0])
    project = load(path, environ=os.environ, flags=flags, only=only, locked=locked, no_lock=no_lock)
    report = survey(project, "run")
    if any(map(has_to_be_tried, report.entries)):
        from prewarm.operations.tools import make_ready

        with options.observer(len(project.entries), quiet=quiet, verbose=verbose) as observe:
            report = make_ready(project, observe, os.environ, command="run")
        # Standard output is the command's.
        options.show_failures(report, verbose=verbose)
    if report.ok:
        _become(program, words, environment(os.environ, online=online))
    return 1


def environment(environ: Mapping[str, str], *, online: bool) -> dict[str, str]:
    """What the command is started with: the user's environment, the cache that was made ready, and no way past it."""
    from prewarm.hub import configuration

    kept = {**environ, "HF_HOME": str(configuration.home()), "HF_HUB_CACHE": str(configuration.cache_root())}
    return kept if online else {**kept, "HF_HUB_OFFLINE": "1"}


def _find(word: str) -> str:
    program = shutil.which(word)
    if program is None:
        raise CommandError(f"there is no command '{word}'", hint="look at its name, and at PATH")
    return program


def _become(program: str, words: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        os.execve(program, list(words), environ)  # noqa: S606 (no shell is wanted)
    # Elsewhere exec starts another process and ends this one, so that the shell would not wait.
    sys.exit(subprocess.run([program, *words[1:]], env=environ, check=False).returncode)
