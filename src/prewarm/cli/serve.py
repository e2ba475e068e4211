"""``prewarm serve``. Changes with its options."""

from __future__ import annotations

import os
from pathlib import Path

import click

from prewarm.cli import options


@click.command("serve", epilog="Example: prewarm serve models/minilm --try 'a cat' --try 'a kitten'")
@click.argument("which", metavar="[ID|DIR]", required=False, shell_complete=options.ids)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to answer at; 0.0.0.0: from everywhere.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535))
@click.option("--threads", type=click.IntRange(1, 1024), help="Of one computation (default: the processors here).")
@click.option(
    "--queue-tokens", type=click.IntRange(1), help="Most tokens that wait before requests are refused (default 600000)."
)
@click.option("--try", "texts", metavar="TEXT", multiple=True, help="Print how alike these texts are, and end.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Draw that, as SVG or PNG.")
@options.manifest
def command(
    which: str | None,
    host: str,
    port: int,
    threads: int | None,
    queue_tokens: int | None,
    texts: tuple[str, ...],
    output: Path | None,
    path: Path | None,
) -> int:
    """Answer as OpenAI's embeddings do, from an artifact folder that prewarm export has made.

    POST /v1/embeddings, GET /v1/models, /health, /metrics. Where PREWARM_API_KEY is set, clients have to send it.
    Needs: pip install "hf-prewarm[serve]", and for -o "hf-prewarm[plot]"
    """
    from prewarm.operations.serve import folder_to_serve, look_for_packages, serve, try_out

    if output is not None and not texts:
        raise click.UsageError("-o draws what --try computes: --try TEXT --try TEXT -o FILE.svg")
    if output is not None and output.suffix not in (".svg", ".png", ".pdf"):
        raise click.UsageError(f"-o {output}: a picture ends with .svg, .png or .pdf")
    if any(0xDC80 <= ord(one) <= 0xDCFF for text in texts for one in text):
        raise click.UsageError("--try: a text is no UTF-8")
    folder = folder_to_serve(which, path, os.environ)
    look_for_packages(draws=output is not None, answers=not texts)
    if texts:
        for line in try_out(folder, texts, output):
            click.echo(line)
        return 0
    serve(folder, host=host, port=port, threads=threads, queue_tokens=queue_tokens, environ=os.environ)
    return 0
