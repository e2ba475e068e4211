"""``prewarm demo``. Changes with what it says around the runs that it shows."""

from __future__ import annotations

import os

import click


@click.command("demo", epilog="Example: prewarm demo")
def command() -> int:
    """Make tiny models, serve them as the Hub does, warm them into a temporary cache, and prove them offline.

    Needs no internet, touches neither your cache nor your token, and leaves nothing behind.
    """
    from prewarm.operations.demo import demo

    click.echo("Making tiny models with transformers' own classes …", err=True)
    with demo(os.environ) as shown:
        click.echo(f"The Hub of this demo is {shown.hub.url}. The manifest, prewarm.toml:\n")
        click.echo("".join(f"    {line}\n" for line in shown.manifest.splitlines()))
        _title("prewarm: an empty cache")
        first = shown.prewarm()
        metered = shown.metered
        _title("prewarm, once more")
        second = shown.prewarm()
        click.echo(
            f"\nThe Hub counted {metered} metered requests in the first run, and {shown.requests} of any kind in the "
            "second."
        )
        return first or second or int(shown.requests > 0)


def _title(text: str) -> None:
    click.echo(f"\n── {text} {'─' * max(0, 70 - len(text))}\n")
