"""``prewarm clean``. Changes with its options."""

from __future__ import annotations

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown
from prewarm.records.units import plural, size


@click.command("clean", epilog="Example: prewarm clean --dry-run")
@click.option("--dry-run", is_flag=True, help="Say what would be freed, and stop.")
@options.output(json=False, verbose=False)
def command(dry_run: bool, shown: Shown) -> int:
    """Remove partial files of dead runs from the Hugging Face cache: prewarm's, and those of hf and from_pretrained.

    A download that is running keeps its own. What prewarm has left would be gone on with by its next run.
    """
    from prewarm.operations.clean import clean

    freed = []
    for one in clean(dry_run=dry_run):
        leftover = one.leftover
        freed += [leftover.size] * one.is_free
        if not shown.quiet:
            said = "in use: kept" if not one.is_free else "would be removed" if dry_run else "removed"
            is_inside = leftover.path.is_relative_to(one.root)
            shown_path = leftover.path.relative_to(one.root) if is_inside else leftover.path
            click.echo(f"{shown_path}  {size(leftover.size)}  ({leftover.whose})  {said}")
    if not shown.quiet:
        click.echo(f"{'would free' if dry_run else 'freed'} {size(sum(freed))} in {plural(len(freed), 'file')}")
    return 0
