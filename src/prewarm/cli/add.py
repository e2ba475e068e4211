"""``prewarm add``. Changes with its options, and with what is said of a suggestion."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown
from prewarm.formats.failed import help_lines
from prewarm.records.text import harmless
from prewarm.records.units import plural, size

if TYPE_CHECKING:
    from prewarm.operations.add import Added


@click.command("add", epilog="Example: prewarm add sentence-transformers/all-MiniLM-L6-v2")
@click.argument("ids", nargs=-1, required=True, metavar="ID…")
@click.option("--file", "globs", metavar="GLOB", multiple=True, help="Only these files, by name; may be repeated.")
@click.option("--trust-remote-code", is_flag=True, help="Let code of the repository run, without asking.")
@click.option("--update", is_flag=True, help="Write an entry anew that is there.")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and stop.")
@options.manifest
@options.output(json=False, verbose=False)
def command(
    ids: tuple[str, ...],
    globs: tuple[str, ...],
    trust_remote_code: bool,
    update: bool,
    dry_run: bool,
    path: Path | None,
    shown: Shown,
) -> int:
    """Ask the Hub what loads a repository, and write the entry, into the manifest and the lock.

    ID is namespace/name, with @revision where wanted, or the address of a page or a file on the Hub. Nothing but
    listings and small files is fetched.
    """
    from prewarm.operations import add

    def look(said: tuple[str, ...], named: tuple[str, ...]) -> add.Looked:
        with shown.observer(len(said)) as observe:
            return add.look(path, said, observe, os.environ, globs=named, updates=update, writes=not dry_run)

    looked = look(ids, globs)
    is_asked = sys.stdin.isatty() and sys.stderr.isatty() and not dry_run
    found: list[Added] = []
    for one in looked.added:
        if is_asked and one.suggestion is not None and len(one.suggestion.choices) > 1:
            chosen = _chosen(one)
            one = look((one.said,), (chosen,)).added[0] if chosen else one  # noqa: PLW2901 (the same, looked at again)
        if one.runs_code and not (trust_remote_code or dry_run) and not (is_asked and _is_trusted(one)):
            one = add.untrusted(one)  # noqa: PLW2901
        found.append(one)
    _tell(found, shown)
    wanted = [one for one in found if one.state in ("new", "updated")]
    if wanted and not dry_run:
        with shown.observer(1) as observe:
            is_locked = add.write(looked, wanted, observe, os.environ)
        if not shown.quiet:
            also = " and its lock are" if is_locked else " is"
            click.echo(f"{looked.project.manifest.path.name}{also} written; now: prewarm")
    return int(any(one.failure is not None for one in found))


def _chosen(one: Added) -> str:
    """The file that somebody takes of several, on a terminal; empty: the one that was suggested."""
    assert one.suggestion is not None
    choices = one.suggestion.choices
    taken = str((one.draft.keys["include"] if one.draft else [""])[0])
    click.echo(f"{one.said} has {len(choices)} files that are each a whole model:", err=True)
    for number, choice in enumerate(choices, start=1):
        click.echo(f"  {number}  {harmless(choice.glob)}  {size(choice.bytes)}", err=True)
    default = next((number for number, choice in enumerate(choices, start=1) if choice.glob == taken), 1)
    number = click.prompt("which", type=click.IntRange(1, len(choices)), default=default, err=True)
    return "" if number == default else choices[number - 1].glob


def _is_trusted(one: Added) -> bool:
    for line in _lines(one):
        click.echo(line, err=True)
    return click.confirm(f"Let this code run, whenever {one.said} is loaded?", err=True)


def _tell(found: Sequence[Added], shown: Shown) -> None:
    for one in found:
        for line in _lines(one) if not shown.quiet else ():
            click.echo(line)
        if one.failure is not None:
            click.echo(harmless(f"{one.said}: {one.failure.said}"), err=True)
            for line in help_lines(one.failure.hint, one.failure.kind):
                click.echo(line, err=True)


def _lines(one: Added) -> list[str]:
    if one.state == "left":
        where = f"it is in the manifest already ({one.place}), and is left as it is (--update writes it anew)"
        return [f"{harmless(one.said)}: {where}"]
    if one.draft is None or one.suggestion is None or one.locked is None:
        return []
    kind = "simple" if one.draft.is_simple else "advanced"
    told = [f"{one.draft.id}  {kind}, {'written anew' if one.state == 'updated' else 'new'}"]
    for key, value in one.draft.keys.items():
        why = one.suggestion.reasons.get(key, "")
        told.append(f"  {key} = {_value(value)}" + (f"   # {harmless(why)}" if why else ""))
    if whole := one.suggestion.reasons.get(""):
        told.append(f"  {harmless(whole)}")
    files = one.locked.files
    planned = sum(file.size for _, file in files)
    told.append(
        f"  fetch     {size(one.fetch_bytes)} of {size(planned)} in {plural(len(files), 'file')}; "
        f"the whole repository has {size(one.whole_bytes)} in {plural(one.whole_files, 'file')}"
    )
    own = one.locked.repos[0]
    gated = f", gated{': the token may read it' if one.is_readable else ''}" if own.gated else ""
    told.append(f"  license   {own.license or 'none named'}{gated}")
    told += [f"  also      {repo.repo.repo_id} at {repo.commit[:7]}" for repo in one.locked.repos[1:]]
    for path, said in (one.code or {}).items():
        imports = f"; it imports {', '.join(said.packages)}" if said.packages else ""
        names = sorted({name for found in said.names.values() for name, _ in found})
        calls = f"; it names {', '.join(names[:5])}" if names else ""
        told.append(harmless(f"  runs      {path}{imports}{calls}"))
    if len(one.suggestion.choices) > 1:
        told.append("  there are, each a whole model (--file GLOB takes another):")
        told += [f"    {choice.glob}  {size(choice.bytes)}" for choice in one.suggestion.choices]
    told += [f"  note: {harmless(note)}" for note in one.notes]
    if one.lacking:
        told.append(f"  try: pip install {' '.join(one.lacking)}")
    return told


def _value(value: object) -> str:
    from prewarm.manifest.toml import value as toml_value

    return toml_value(value)
