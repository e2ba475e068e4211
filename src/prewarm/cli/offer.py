"""What to do where there is no manifest yet, asked on a terminal. Changes with what a newcomer is offered."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from prewarm.cli.shown import Shown
from prewarm.manifest import read as manifests
from prewarm.records.errors import NoManifestError

_CHOICES = """There is no prewarm.toml here.
  s  find the models that this folder's source loads
  a  add a model by its id
  q  nothing
"""


def offer(shown: Shown) -> bool:
    """Offer to write a manifest in the working directory; whether there is one afterwards."""
    if shown.as_json or shown.quiet or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    click.echo(_CHOICES, err=True, nl=False)
    said = click.prompt("s, a or q", type=click.Choice(["s", "a", "q"]), default="s", err=True, show_choices=False)
    if said == "s":
        _run("scan", ".", "--write")
    elif said == "a":
        _run("add", click.prompt("id, or the address of its page", err=True))
    try:
        manifests.find(Path.cwd())
    except NoManifestError:
        return False
    return True


def _run(*words: str) -> None:
    from prewarm.cli.main import cli

    cli.main(args=list(words), prog_name="prewarm", standalone_mode=False)
