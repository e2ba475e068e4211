"""``prewarm clean``: removes what interrupted downloads left. Changes with what is left."""

from __future__ import annotations

import click

from prewarm.records.units import plural, size


@click.command("clean", short_help="Remove what interrupted downloads have left in the cache.")
@click.option("--dry-run", is_flag=True, help="Say what would be freed, and stop.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def command(dry_run: bool, quiet: bool) -> int:
    """Remove partial files of dead runs from the Hugging Face cache: prewarm's, and those of hf and from_pretrained.

    A download that is running keeps its own. What prewarm has left would be gone on with by its next run.
    """
    from prewarm.cache import leftovers
    from prewarm.hub.configuration import cache_root

    root = cache_root()
    freed = count = 0
    for leftover in leftovers.find(root):
        said = "in use: kept" if leftover.is_used else "would be removed" if dry_run else "removed"
        if not leftover.is_used and not dry_run and not leftovers.remove(root, leftover):
            said = "in use: kept"
        if not said.startswith("in use"):
            freed, count = freed + leftover.size, count + 1
        if not quiet:
            whose = "prewarm, resumable" if leftover.is_resumable else "huggingface_hub"
            click.echo(f"{leftover.path.relative_to(root)}  {size(leftover.size)}  ({whose})  {said}")
    if not quiet:
        click.echo(f"{'would free' if dry_run else 'freed'} {size(freed)} in {plural(count, 'file')}")
    return 0
