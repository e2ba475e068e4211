"""A load test as files: a page, its pictures, a table. Changes with which files there are."""

from __future__ import annotations

from pathlib import Path

from prewarm.formats.charts import look_for_packages, standing_alone
from prewarm.operations import output
from prewarm.records.errors import CommandError
from prewarm.records.load import LoadReport


def look_at(page: Path | None, table: Path | None) -> None:
    """Say what cannot be written before anything is measured.

    Raises:
        CommandError: it cannot.
        LoadError: matplotlib is missing.
    """
    if page is not None:
        output.look_at(page, "-o", ".html", ".htm")
        look_for_packages()
    if table is not None:
        output.look_at(table, "--csv")
        if page is not None and page.absolute() == table.absolute():
            raise CommandError("-o and --csv name the same file", hint="--csv steps.csv")


def write(report: LoadReport, *, page: Path | None, table: Path | None) -> None:
    """Write what was asked for: the pictures lie beside the page, with its name before theirs.

    Raises:
        CommandError: a file cannot be written.
    """
    if page is not None:
        from prewarm.formats import load_page  # noqa: PLC0415 (draws)

        pictures = load_page.charts(report)
        output.write(page, load_page.render(report, pictures))
        for name, picture in pictures.items():
            output.write(page.with_name(f"{page.stem}-{name}.svg"), standing_alone(picture))
    if table is not None:
        from prewarm.formats import load_document  # noqa: PLC0415

        output.write(table, load_document.as_csv(report))
