"""``prewarm unbundle``. Changes with its options."""

from __future__ import annotations

import os
from pathlib import Path

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown
from prewarm.records.units import plural, size


@click.command("unbundle", epilog="Example: prewarm unbundle models.tar")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--verify-key", type=click.Path(path_type=Path), metavar="PUB", help="The key that it has to be signed by."
)
@click.option("--signature", type=click.Path(path_type=Path), metavar="SIG", help="Its signature (default: FILE.sig).")
@click.option("--manifest-to", type=click.Path(path_type=Path), metavar="DIR", help="Where manifest and lock go.")
@options.output(json=False, verbose=True)
def command(file: Path, verify_key: Path | None, signature: Path | None, manifest_to: Path | None, shown: Shown) -> int:
    """Take a bundle into the Hugging Face cache; needs no network.

    Every content is hashed before it gets a name; what is in the cache already is not written again, and a run that was
    ended is gone on with. Manifest and lock are written where there are none: into the working directory, or DIR.
    Prove it with: prewarm verify
    """
    from prewarm.bundle import verify
    from prewarm.bundle.signature import SUFFIX
    from prewarm.formats.failed import help_lines
    from prewarm.operations.unbundle import unbundle

    beside = signature or file.with_name(file.name + SUFFIX)
    if verify_key is not None:
        verify(file, beside, verify_key)

    def told(name: str, count: int) -> None:
        if shown.verbose:
            click.echo(f"{name} ({size(count)})", err=True)

    done = unbundle(file, manifest_to or Path.cwd(), told, lambda event: None, os.environ)
    for name, error in done.failed.items():
        click.echo(f"{name}: {error.kind}: {error}", err=True)
        for line in help_lines(error.hint, error.kind):
            click.echo(line, err=True)
    if not shown.quiet:
        signed = "" if verify_key else ", its signature was not checked (--verify-key)" if beside.exists() else ""
        click.echo(f"{plural(done.entries, 'entry')}, {plural(done.files, 'file')}, {size(done.bytes)} new{signed}")
        for path in done.written:
            click.echo(f"{path} is written")
        for path in done.kept:
            click.echo(f"{path} is another one, and is left as it is; --manifest-to DIR writes the bundle's elsewhere")
    return 1 if done.failed else 0
