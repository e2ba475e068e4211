"""``prewarm script``. Changes with its options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown
from prewarm.records.units import plural

if TYPE_CHECKING:
    from prewarm.operations.project import Project


@click.command("script", epilog="Example: prewarm script -o download_models.py")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", required=True, help="The file to write."
)
@options.project("proof")
@options.output(json=False, verbose=False)
def command(output: Path, load: Callable[[], Project], shown: Shown) -> int:
    """Write one file to copy into a project, that fetches and loads the manifest's entries without prewarm.

    It needs transformers and torch, and uses rich and tenacity where they are. Its lists are filled from the manifest,
    pinned to the lock's commits, and made to be edited. python FILE fetches and loads; --offline verifies with sockets
    barred; --check only looks. uv run FILE brings what it needs.
    """
    from prewarm.operations.script import write_script

    project = load()
    count = write_script(project, output)
    if not shown.quiet:
        click.echo(f"{output} is written, {plural(count, 'entry')}; now: python {output}")
        for application in project.applications:
            click.echo(f"note: {application.name} is a command, and is not in it", err=True)
    return 0
