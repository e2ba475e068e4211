"""``prewarm explain``."""

from __future__ import annotations

import click

from prewarm.cli.shown import paint


def _begun(context: click.Context, parameter: click.Parameter, word: str) -> list[str]:
    from prewarm.records.messages import MESSAGES

    return [kind for kind in MESSAGES if kind.startswith(word)]


@click.command("explain", epilog="Example: prewarm explain gated")
@click.argument("kinds", nargs=-1, metavar="[KIND]…", shell_complete=_begun)
def command(kinds: tuple[str, ...]) -> None:
    """Say what a kind of error means, where it comes from, and what helps.

    Without a kind: all of them, a line each.
    """
    from prewarm.formats import explained
    from prewarm.manifest.settings import nearest
    from prewarm.records.messages import MESSAGES

    for kind in kinds:
        if kind not in MESSAGES:
            raise click.BadParameter(f"there is no error '{kind}': {nearest(kind, list(MESSAGES), called='kinds')}")
    if not kinds:
        for line in explained.overview(MESSAGES.values()):
            click.echo(line)
    for at, kind in enumerate(kinds):
        if at:
            click.echo()
        for line in explained.lines(MESSAGES[kind], paint):
            click.echo(line)
