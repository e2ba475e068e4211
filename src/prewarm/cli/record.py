"""``prewarm record``. Changes with its options."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown

if TYPE_CHECKING:
    from prewarm.authoring.draft import Draft


@click.command(
    "record",
    epilog="Example: prewarm record --write -- python app.py",
    context_settings={"ignore_unknown_options": True},
)
@click.option("--write", is_flag=True, help="Put the entries into the manifest.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write them to another file.")
@options.manifest
@options.output(json=False, verbose=False)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND [ARGS]…")
def command(write: bool, output: Path | None, path: Path | None, shown: Shown, words: tuple[str, ...]) -> int:
    """Run an application once as it is, and write the entries that it needs.

    Everything that it loads of the Hub is seen, with the file and the line of each call; nothing that is in the cache
    is fetched twice. A server that does not end is ended with Ctrl-C, and recorded all the same. The exit code is the
    command's. Without --write and -o the entries are printed.
    """
    from prewarm.operations.project import here
    from prewarm.operations.record import record
    from prewarm.operations.recorded import text_of, write_to

    if not words:
        raise click.UsageError("there is no command to watch: prewarm record -- python app.py")
    with shown.observer(1, is_alone=False) as observe:
        recording = record(words, path, observe, os.environ)
    found = recording.drafts
    for draft in found.entries:
        click.echo(_line(draft), err=True)
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    if found.entries:
        target = output or ((path or here()) if write else None)
        if target is not None:
            write_to(target, found.entries)
            click.echo(f"{_near(str(target))} is written; now: prewarm", err=True)
        else:
            sys.stdout.write(text_of(found.entries))
    return recording.exit_code


def _near(place: str) -> str:
    """A path, also one with a line behind it, from the working directory where it is below that."""
    return place.removeprefix(f"{Path.cwd()}{os.sep}")


def _line(draft: Draft) -> str:
    where = f"  {', '.join(map(_near, draft.where[:3]))}" if draft.where else ""
    return f"{draft.id}{where}"
