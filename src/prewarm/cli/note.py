"""``prewarm note``. Changes with its options."""

from __future__ import annotations

import os
from pathlib import Path

import click

from prewarm.cli import options


@click.command("note", epilog='Example: prewarm note sentence-transformers/all-MiniLM-L6-v2 "as trained"')
@click.argument("which", metavar="ID", shell_complete=options.ids)
@click.argument("text")
@click.option("--commit", metavar="COMMIT", help="About this one (default: the one that is locked).")
@options.manifest
def command(which: str, text: str, commit: str | None, path: Path | None) -> int:
    """Write a note about an entry at its commit into the history."""
    from prewarm.operations.history import write_note
    from prewarm.operations.project import load

    note = write_note(load(path, environ=os.environ), which, text, commit)
    click.echo(f"{note.entry} at {note.commit[:7]}: {note.text}")
    return 0
