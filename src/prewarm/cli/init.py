"""``prewarm init``. Changes with its options."""

from __future__ import annotations

from pathlib import Path

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown
from prewarm.records.text import harmless
from prewarm.records.units import plural


@click.command("init", epilog="Example: prewarm init --from download_models.py")
@click.option(
    "--from",
    "sources",
    type=click.Path(path_type=Path),
    metavar="FILE",
    multiple=True,
    help="Take over what this file names: a script with SIMPLE_MODELS and ADVANCED_MODELS, a text file of ids, a "
    "models.json, a Dockerfile or shell script with hf download. May be repeated.",
)
@options.manifest
@options.output(json=False, verbose=False)
def command(sources: tuple[Path, ...], path: Path | None, shown: Shown) -> int:
    """Write a new manifest, with comments, or from a list that is there.

    Nothing is run, and nobody is asked. What has no key of an entry stands beside it as a comment, and is named.
    """
    from prewarm.operations.init import init, init_from

    target = path or Path("prewarm.toml")
    if not sources:
        init(target)
        if not shown.quiet:
            click.echo(f"{target} is written; now: prewarm add ID, or prewarm scan . --write")
        return 0
    taken = init_from(target, sources)
    if not shown.quiet:
        for draft in taken.drafts:
            click.echo(harmless(f"{draft.id}  {draft.where[0]}"))
    for note in taken.notes:
        click.echo(harmless(f"note: {note}"), err=True)
    if not shown.quiet:
        click.echo(f"{target} is written, {plural(len(taken.drafts), 'entry')}; now: prewarm")
    return 0
