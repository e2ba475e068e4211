"""``prewarm export``. Changes with its options."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown


@click.command("export", epilog="Example: prewarm export sentence-transformers/all-MiniLM-L6-v2")
@click.argument("ids", nargs=-1, metavar="[ID]...", shell_complete=options.ids)
@click.option("--check", "is_check", is_flag=True, help="Say what is missing or stale, and make nothing.")
@click.option("--force", "is_forced", is_flag=True, help="Make all of them again, also over what was changed.")
@click.option("--models-dir", metavar="DIR", help='Where artifacts are made (default "models", beside the manifest).')
@click.option(
    "--min-similarity", metavar="N", help="Least cosine of a float16 or int8 artifact and the original (default 0.999)."
)
@options.manifest
@options.output(verbose="Print a line for every file, and traces of what does not load.")
def command(
    ids: Sequence[str],
    is_check: bool,
    is_forced: bool,
    models_dir: str | None,
    min_similarity: str | None,
    path: Path | None,
    shown: Shown,
) -> int:
    """Make a folder of each entry that has [advanced.export], with what a deployment opens: ONNX, compared.

    Entries are made ready before. A graph is taken where onnxruntime agrees with the original on inputs that it was not
    traced with. What is there and whole is not made again. Needs: pip install "hf-prewarm[onnx]"

    PREWARM_EXPORT=force, never or missing says the same in image builds.
    """
    from prewarm.operations.artifacts import chosen
    from prewarm.operations.export import export, mode_of
    from prewarm.operations.project import load

    if is_check and is_forced:
        raise click.UsageError("--check and --force exclude each other")
    flags = {"models_dir": models_dir, "min_similarity": min_similarity}
    project = load(path, environ=os.environ, flags=flags, only=ids)
    mode = mode_of(os.environ, is_forced=is_forced, is_check=is_check)
    entries = chosen(project, is_named=bool(ids))
    with shown.observer(len(entries)) as observe:
        report = export(project, entries, mode, observe, os.environ)
    shown.artifacts(report)
    return int(not report.ok)
