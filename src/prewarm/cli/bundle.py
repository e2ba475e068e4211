"""``prewarm bundle``. Changes with its options."""

from __future__ import annotations

import os
from pathlib import Path

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown
from prewarm.records.units import plural, size


@click.command("bundle", epilog="Example: prewarm bundle -o models.tar")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", required=True, help="The file to write."
)
@click.option("--sign", "key", type=click.Path(path_type=Path), metavar="KEY", help="Sign it with this private key.")
@options.manifest
@options.output(json=False, verbose=True)
def command(output: Path, key: Path | None, path: Path | None, shown: Shown) -> int:
    """Pack what the lock names into one file, for machines without a network.

    A plain tar with manifest, lock and each content once: the same bytes for the same lock. Everything has to be ready.
    KEY is a P-256 key in PEM (openssl ecparam -genkey -name prime256v1 -noout -out key.pem); the signature lies beside
    the bundle, as FILE.sig. Take it in with: prewarm unbundle FILE
    """
    from prewarm.bundle import sign
    from prewarm.operations.bundle import bundle

    found: list[int] = []

    def told(name: str, count: int) -> None:
        found.append(count)
        if shown.verbose:
            click.echo(f"{name} ({size(count)})", err=True)

    bundle(path, output, told, os.environ)
    signature = sign(output, key) if key is not None else None
    if not shown.quiet:
        click.echo(f"{output}: {plural(len(found), 'content')}, {size(sum(found))}")
        if signature is not None:
            click.echo(f"{signature}: its signature")
    return 0
