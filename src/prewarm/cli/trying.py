"""``prewarm try``. Changes with its options."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown


@click.command("try", epilog="Example: prewarm try sentence-transformers/all-MiniLM-L6-v2")
@click.argument("ids", nargs=-1, metavar="[ID]...", shell_complete=options.ids)
@click.option("--record", "records", is_flag=True, help="Store the answers as what is expected.")
@click.option("--cases", type=click.Path(path_type=Path), metavar="FILE", help="Run a set: JSON Lines, or CSV.")
@click.option("--min-pass", type=click.FloatRange(0, 1), metavar="SHARE", help="Least share of a set (default 1).")
@click.option("--items", type=click.Path(path_type=Path), metavar="FILE", help="Answer a batch of prompt items.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write its annotations there.")
@options.manifest
@options.output(verbose="Print every case of a set, and traces of what does not load.")
def command(
    ids: Sequence[str],
    records: bool,
    cases: Path | None,
    min_pass: float | None,
    items: Path | None,
    output: Path | None,
    path: Path | None,
    shown: Shown,
) -> int:
    """Ask entries their samples, offline, and compare the answers with what is expected or was recorded.

    Samples stand in the manifest ([[advanced.sample]]). An entry that is named and has none is asked something that
    suits it. Images need pillow, sounds soundfile: pip install "hf-prewarm[samples]"
    """
    from prewarm.operations.cases import try_cases
    from prewarm.operations.project import load
    from prewarm.operations.trying import chosen, try_samples
    from prewarm.records.text import quoted

    if items is not None and (records or cases is not None):
        raise click.UsageError("--items answers a batch, and compares nothing: leave --record and --cases out")
    if min_pass is not None and math.isnan(min_pass):
        raise click.UsageError("--min-pass is no number")
    if min_pass is not None and cases is None:
        raise click.UsageError("--min-pass is of a set: --cases FILE")
    if output is not None and items is None:
        raise click.UsageError("-o writes the annotations of --items FILE")
    project = load(path, environ=os.environ, only=ids)
    with shown.observer(len(project.entries)) as observe:
        if items is not None:
            from prewarm.operations.items import annotate

            found = annotate(project, items, output, observe, os.environ)
            for said in found.lost:
                click.echo(quoted(said, 2000), err=True)
            if output is None:
                click.echo(found.text, nl=False)
            return int(bool(found.lost))
        if cases is not None:
            least = 1.0 if min_pass is None else min_pass
            report = try_cases(project, cases, observe, os.environ, min_pass=least, records=records)
        else:
            wanted = chosen(project, is_named=bool(ids))
            report = try_samples(project, wanted, observe, os.environ, records=records)
    shown.tried(report)
    return int(not report.ok)
