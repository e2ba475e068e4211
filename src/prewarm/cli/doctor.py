"""``prewarm doctor``. Changes with its options."""

from __future__ import annotations

import os
from pathlib import Path

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown, paint


@click.command("doctor", epilog="Example: prewarm doctor --json > report.json")
@options.manifest
@options.output(verbose=False)
def command(path: Path | None, shown: Shown) -> int:
    """Say what is wrong on this machine, and how to mend it: versions, cache, token, Hub, proxies, disk.

    Asks the Hub a few requests. Nothing secret is shown: what it prints can go into a bug report. Exit code 1:
    something is wrong.
    """
    from prewarm.formats import examined
    from prewarm.operations.doctor import examine

    found = examine(path, os.environ)
    if shown.as_json:
        click.echo(examined.document(found))
    else:
        told = [one for one in found if one.state == "wrong"] if shown.quiet else found
        for line in examined.lines(told, paint):
            click.echo(line)
    return int(any(one.state == "wrong" for one in found))
