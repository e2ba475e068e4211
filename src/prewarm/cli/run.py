"""``prewarm run``. Changes with its options."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown

if TYPE_CHECKING:
    from prewarm.operations.project import Project


@click.command(
    "run", epilog="Example: prewarm run -- python app.py", context_settings={"allow_interspersed_args": False}
)
@click.option("--online", is_flag=True, help="Leave HF_HUB_OFFLINE out of the command's environment.")
@options.project()
@options.output(json=False)
@click.argument("words", metavar="-- COMMAND [ARGS]...", nargs=-1, type=click.UNPROCESSED)
def command(online: bool, load: Callable[[], Project], shown: Shown, words: Sequence[str]) -> int:
    """Make the manifest's entries ready, and run COMMAND with HF_HUB_OFFLINE=1 and the same cache.

    The command takes the place of this process: signals and exit code are its own. Where a required entry cannot be
    made ready it is not started, and the exit code is 1.
    """
    from prewarm.operations.run import become, environment, find_program, make_ready

    if not words:
        raise click.UsageError("there is no command to run: prewarm run -- streamlit run app.py")
    program = find_program(words[0])
    project = load()
    report, was_tried = make_ready(project, shown.observer(project.total), os.environ)
    if was_tried:
        # Standard output is the command's.
        shown.failures(report)
    if report.ok:
        become(program, words, environment(os.environ, online=online))
    return 1
