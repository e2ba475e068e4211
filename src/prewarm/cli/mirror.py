"""``prewarm mirror``. Changes with its options."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown

_FILE = click.Path(path_type=Path)


@click.command("mirror", epilog="Example: prewarm mirror --host 0.0.0.0 --token-env MIRROR_TOKEN")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="HOST", help="The address that it listens at.")
@click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535), help="0: a free one.")
@click.option("--all", "serves_all", is_flag=True, help="Serve all that the cache has, and not what the lock names.")
@click.option("--token-env", metavar="NAME", help="The variable with the token that clients have to show.")
@click.option("--tls-cert", type=_FILE, metavar="FILE", help="Speak TLS: the certificate with its chain, in PEM.")
@click.option("--tls-key", type=_FILE, metavar="FILE", help="Its key, in PEM.")
@options.manifest
@options.output(json=False, verbose=False)
def command(
    host: str,
    port: int,
    serves_all: bool,
    token_env: str | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    path: Path | None,
    shown: Shown,
) -> int:
    """Serve the cache as a Hub, read-only: HF_ENDPOINT=http://HOST:8765 for any client.

    What the lock names and nothing else; a file that a repository has beyond that is refused. Each answer is a line on
    standard error; /health and /metrics need no token. A new lock needs a restart: SIGTERM lets answers finish, for
    up to 10 minutes, and a second one ends it.
    """
    from prewarm.formats.lines import Lines
    from prewarm.mirror import Bound
    from prewarm.operations import mirror
    from prewarm.operations.project import load

    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key go together")
    say = Lines(sys.stderr).write
    log = (lambda line: None) if shown.quiet else say
    bound = Bound(host=host, port=port, token=mirror.token_of(token_env, os.environ), certificate=tls_cert, key=tls_key)
    ready = mirror.open_mirror(None if serves_all else load(path, environ=os.environ), bound, log, os.environ)
    for line in ready.said:
        say(line)
    mirror.serve(ready, say)
    return 0
