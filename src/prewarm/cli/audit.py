"""``prewarm audit``. Changes with its options."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown

if TYPE_CHECKING:
    from prewarm.operations.project import Project


@click.command("audit", epilog="Example: prewarm audit --no-advisories")
@click.option("--sarif", type=click.Path(path_type=Path), metavar="FILE", help="Write it as SARIF, for code scanning.")
@click.option("--osv-url", metavar="URL", help="Ask this server, which answers as OSV does, and not PyPI.")
@click.option("--no-advisories", is_flag=True, help="Ask nobody about known vulnerabilities of packages.")
@options.project("proof")
@options.output(verbose="Print each package that was asked about, and what is accepted.")
def command(
    sarif: Path | None, osv_url: str | None, no_advisories: bool, load: Callable[[], Project], shown: Shown
) -> int:
    """Say what is dangerous in what was downloaded, and in what it imports.

    From the disk: files that run something as they are opened, code of repositories and what it can do, formats,
    licenses. Of the packages that entries import, pip-audit asks which vulnerabilities are known (pip install
    'hf-prewarm[audit]'). Exit code 1: there is something that [audit] ignore does not accept.
    """
    from datetime import datetime

    from prewarm.operations.audit import audit, write_sarif
    from prewarm.operations.keeping import keep_audit, keeping

    if osv_url and no_advisories:
        raise click.UsageError("--osv-url and --no-advisories exclude each other")
    today = datetime.now().astimezone().date()
    project = load()
    report = audit(project, os.environ, today=today, asks=not no_advisories, osv_url=osv_url)
    with shown.observer(len(project.entries), is_alone=False) as observe, keeping(project, observe) as keep:
        keep_audit(report, keep)
    if sarif is not None:
        write_sarif(report, sarif)
    shown.audit(report)
    return int(not report.ok)
