"""``prewarm add``. Changes with its options, and with what is said of a suggestion."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prewarm.cli import options
from prewarm.records.text import harmless, harmless_lines
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
    shown: options.Shown,
) -> int:
    """Ask the Hub what loads a repository, and write the entry, into the manifest and the lock.

    ID is namespace/name, with @revision where wanted, or the address of a page or a file on the Hub. Nothing but
    listings and small files is fetched.
    """
    from prewarm.operations.add import add

    def agree(one: Added) -> bool:
        if trust_remote_code or dry_run:
            return True
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        for line in _lines(one):
            click.echo(line, err=True)
        return click.confirm(f"Let this code run, whenever {one.said} is loaded?", err=True)

    with shown.observer(len(ids)) as observe:
        done = add(path, ids, observe, os.environ, agree=agree, globs=globs, updates=update, writes=not dry_run)
    if not shown.quiet:
        for one in done.added:
            for line in _lines(one):
                click.echo(line)
    for one in done.added:
        if one.failure is not None:
            click.echo(f"{harmless(one.said)}: {one.failure.kind}: {one.failure.message}", err=True)
            for line in _hint(one.failure.hint):
                click.echo(line, err=True)
    if done.is_written and not shown.quiet:
        also = " and its lock are" if done.is_locked else " is"
        click.echo(f"{done.manifest.name}{also} written; now: prewarm")
    return int(not done.ok)


def _hint(hint: str) -> list[str]:
    first, *rest = harmless_lines(hint).splitlines() or [""]
    return [f"  try: {first}", *(f"    {line}" for line in rest)] if first else []


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
