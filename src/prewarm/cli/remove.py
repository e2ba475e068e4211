"""``prewarm remove``. Changes with its options."""

from __future__ import annotations

import os
from pathlib import Path

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown
from prewarm.records.units import size


@click.command("remove", epilog="Example: prewarm remove sentence-transformers/all-MiniLM-L6-v2")
@click.argument("ids", nargs=-1, required=True, metavar="ID…", shell_complete=options.ids)
@options.manifest
@options.output(json=False, verbose=False)
def command(ids: tuple[str, ...], path: Path | None, shown: Shown) -> int:
    """Take entries out of manifest and lock, by id or name, and say what of the cache nobody needs any more."""
    from prewarm.operations.remove import remove

    with shown.observer(len(ids)) as observe:
        done = remove(path, ids, observe, os.environ)
    if not shown.quiet:
        click.echo(f"{', '.join(done.ids)}: taken out of {done.manifest.name} and its lock")
        for repo, bytes_ in done.unneeded:
            click.echo(f"  no entry needs {repo.repo_id} any more ({size(bytes_)} in the cache)")
            click.echo(f"  try: hf cache rm {repo.repo_type}/{repo.repo_id}")
    return 0
