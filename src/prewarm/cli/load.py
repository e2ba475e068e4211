"""``prewarm load``. Changes with its options."""

from __future__ import annotations

import os
from pathlib import Path

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown

_FILE = click.Path(path_type=Path)


@click.command("load", epilog="Example: prewarm load sentence-transformers/all-MiniLM-L6-v2 --duration 2s")
@click.argument("which", metavar="[ID|URL]", required=False, shell_complete=options.ids)
@click.option("--concurrency", metavar="N,…", help="So many wait for an answer at any time (default 1,2,4,8).")
@click.option("--rate", metavar="N,…", help="So many are sent a second, answered or not.")
@click.option("--duration", default="10s", show_default=True, metavar="TIME", help="Of each step.")
@click.option("--timeout", default="30s", show_default=True, metavar="TIME", help="Longest wait for one answer.")
@click.option("--slo", metavar="BOUNDS", help='What has to hold: "p95<200ms,errors<1%"; exit code 1 if it never does.')
@click.option("--payload", type=_FILE, metavar="FILE", help="What is sent (default: the largest that its task takes).")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1, 1024), help="Of one computation.")
@click.option("-o", "--output", type=_FILE, metavar="FILE", help="Write a page (.html), and its pictures beside it.")
@click.option("--csv", "table", type=_FILE, metavar="FILE", help="Write a line a step.")
@options.manifest
@options.output(verbose=False)
def command(
    which: str | None,
    concurrency: str | None,
    rate: str | None,
    duration: str,
    timeout: str,
    slo: str | None,
    payload: Path | None,
    threads: int,
    output: Path | None,
    table: Path | None,
    path: Path | None,
    shown: Shown,
) -> int:
    """Serve an entry, or take the address of a server, and load it step by step.

    Latency counts from when a request was due. An artifact of an embedding model is served as prewarm serve does, any
    other entry by a small application. Needs: pip install "hf-prewarm[load]"
    """
    from prewarm.load import read_bounds, read_steps
    from prewarm.operations import load
    from prewarm.operations.load_files import look_at, write
    from prewarm.operations.project import load as read_project
    from prewarm.operations.project import only_model
    from prewarm.operations.serving import Wanted
    from prewarm.records.errors import NoManifestError

    address = which if which is not None and load.is_address(which) else None
    wanted = Wanted(
        steps=read_steps(concurrency, rate),
        bounds=read_bounds(slo),
        duration_s=load.seconds(duration, "--duration"),
        timeout_s=load.seconds(timeout, "--timeout"),
        threads=threads,
        payload=payload,
    )
    wanted.check()
    look_at(output, table)
    load.look_for_packages(serves=address is None)
    project = None
    try:
        project = read_project(path, environ=os.environ, only=[which] if which and address is None else [])
    except NoManifestError:
        # A server needs none; with one, the history may have a row.
        if address is None or path is not None:
            raise
    with shown.observer(1, is_alone=False) as observe:
        if address is not None:
            report = load.load_address(address, wanted, observe, project)
        else:
            assert project is not None, "or it was raised"
            report = load.load_entry(only_model(project), project, wanted, observe, os.environ)
    # What was measured is told before a disk may be full.
    shown.loaded(report)
    write(report, page=output, table=table)
    return int(not report.ok)
