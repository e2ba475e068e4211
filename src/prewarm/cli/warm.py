"""``prewarm warm``: puts the flow together. Changes with what the flow needs of the outside."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click

from prewarm import __version__
from prewarm import lock as locks
from prewarm import manifest as manifests
from prewarm.account import Options, Tools
from prewarm.errors import LockError, ManifestError
from prewarm.observe import Notice, Observer
from prewarm.reached import Warmed
from prewarm.records import Entry, Fetched, Lock, Manifest, Report
from prewarm.settings import Settings, resolve
from prewarm.warm import warm

_SETTING_OPTIONS = (
    click.option(
        "--proof", metavar="MODE", help="load (default): load every model offline; files: only verify the files."
    ),
    click.option("--workers", metavar="N", help="Connections for files (default 8)."),
    click.option("--transfer", metavar="HOW", help="auto (default), http or xet: how files come that are in Xet."),
    click.option("--max-wait", metavar="TIME", help="Longest wait for rate limits, in total (default 15m)."),
    click.option("--proof-timeout", metavar="TIME", help="Longest time that one entry may take to load (default 10m)."),
)
_LIBRARIES = ("huggingface_hub", "transformers", "torch", "tokenizers", "safetensors")


def setting_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The flags that stand for keys of ``[settings]``."""
    for option in reversed(_SETTING_OPTIONS):
        function = option(function)
    return function


@click.command("warm", short_help="Make every entry of the manifest ready.")
@click.option(
    "-m",
    "--manifest",
    "path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The manifest (default: prewarm.toml, or [tool.prewarm] in pyproject.toml).",
)
@click.option("--only", metavar="ID", multiple=True, help="Only this entry, by id or name; may be repeated.")
@click.option("--force", is_flag=True, help="Fetch again what is in the cache.")
@click.option("--dry-run", is_flag=True, help="Say what would be fetched, and stop.")
@click.option("--locked", is_flag=True, help="Fail where prewarm.lock is missing or out of date.")
@click.option("--no-lock", is_flag=True, help="Neither read nor write prewarm.lock.")
@setting_options
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Print a line for every file, and traces of what does not load.")
def command(
    path: Path | None,
    only: Sequence[str],
    force: bool,
    dry_run: bool,
    locked: bool,
    no_lock: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **flags: str | None,
) -> int:
    """Bring what the manifest's entries need into the Hugging Face cache, and load each of them offline once.

    The first run writes prewarm.lock; later ones use it, and ask the Hub nothing for what is there.
    """
    if locked and no_lock:
        raise click.UsageError("--locked and --no-lock exclude each other")
    manifest = manifests.load(path) if path else manifests.load(manifests.find(Path.cwd()))
    settings = resolve(manifest.settings, os.environ, flags)
    entries = select_entries(manifest, only)
    lock_path = None if no_lock else manifest.path.parent / locks.LOCK_NAME
    lock = read_lock(lock_path, manifest, entries, must_match=locked)
    with observer(len(entries), quiet=quiet, verbose=verbose) as observe:
        report = run(manifest, entries, lock, lock_path, settings, observe, force=force, dry_run=dry_run)
    show(report, as_json=as_json, quiet=quiet, verbose=verbose)
    has_failed = any(entry.failure and entry.entry.required for entry in report.entries)
    return int(has_failed if dry_run else not report.ok)


def select_entries(manifest: Manifest, only: Sequence[str]) -> list[Entry]:
    """The entries that ``--only`` names, or all.

    Raises:
        ManifestError: it names one that is not there.
    """
    for asked in only:
        if not any(asked in (entry.id, entry.name) for entry in manifest.entries):
            known = ", ".join(entry.id for entry in manifest.entries)
            raise ManifestError(f"no entry is called '{asked}'", place="--only", hint=f"the entries are {known}")
    return [entry for entry in manifest.entries if not only or {entry.id, entry.name} & set(only)]


def read_lock(path: Path | None, manifest: Manifest, entries: Sequence[Entry], *, must_match: bool) -> Lock:
    """The lock, empty where there is none.

    Raises:
        LockError: it cannot be read, or ``must_match`` and it lacks one of ``entries`` as it is now.
    """
    lock = locks.load(path, manifest) if path is not None and path.exists() else Lock()
    if must_match:
        for entry in entries:
            if locks.find(lock, entry) is None:
                said = "is out of date" if lock.entries else "is missing"
                raise LockError(
                    f"{path} {said}: it lacks {entry.id}",
                    hint="run prewarm without --locked, and keep the lock with your code",
                )
    return lock


def run(
    manifest: Manifest,
    entries: Sequence[Entry],
    lock: Lock,
    lock_path: Path | None,
    settings: Settings,
    observe: Observer,
    *,
    force: bool,
    dry_run: bool,
) -> Report:
    """Warm ``entries`` with real tools, and keep the lock."""
    from prewarm.cache import DiskCache, Preview
    from prewarm.hub import Client, configuration, session
    from prewarm.proof import Runner

    began = time.monotonic()
    stopped = threading.Event()
    root = configuration.cache_root()
    hub = Client(
        workers=settings.workers,
        max_wait_s=settings.max_wait_s,
        observe=observe,
        transfer=settings.transfer,
    )
    disk = DiskCache(root, stopped, forgets=force)
    prover = Runner(environ=os.environ, token=session.token(), cache=root, timeout_s=settings.proof_timeout_s)
    try:
        with hub.governing(), ThreadPoolExecutor(settings.workers, thread_name_prefix="file") as files:
            tools = Tools(
                hub=hub,
                cache=Preview(disk) if dry_run else disk,
                prover=prover,
                observe=observe,
                clock=time.monotonic,
                files=files,
            )
            try:
                warmed = warm(entries, lock, tools, Options(proof=settings.proof, dry_run=dry_run))
            except BaseException:
                stopped.set()
                raise
    finally:
        prover.stop()
    written = lock_path
    if lock_path is not None and not dry_run and not _write_lock(lock_path, _merged(manifest, lock, warmed), observe):
        written = None
    reports = tuple(one.report for one in warmed)
    spent = sum((report.fetched for report in reports), Fetched())
    return Report(
        command="warm",
        entries=reports,
        manifest=manifest.path,
        lock=written if written is not None and written.exists() else None,
        endpoint=hub.endpoint,
        cache=root,
        versions=versions(),
        fetched=Fetched(bytes=spent.bytes, requests=spent.requests, waited_s=hub.waited_s),
        elapsed_s=time.monotonic() - began,
        dry_run=dry_run,
    )


def _merged(manifest: Manifest, lock: Lock, warmed: Sequence[Warmed]) -> Lock:
    # In the manifest's order: what this run has settled, else what the lock had.
    settled = {one.report.entry: one.locked for one in warmed if one.locked is not None}
    found = [settled.get(entry) or locks.find(lock, entry) for entry in manifest.entries]
    return Lock(entries=tuple(locked for locked in found if locked is not None))


def _write_lock(path: Path, lock: Lock, observe: Observer) -> bool:
    text = locks.dump(lock)
    try:
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            from prewarm.cache.place import write_text

            write_text(path, text)
    except OSError as error:
        observe(Notice(text=f"{path.name} cannot be written ({error.strerror}): this run goes on without it"))
        return False
    return True


def versions() -> dict[str, str | None]:
    """The versions that a proof depends on."""
    found: dict[str, str | None] = {"prewarm": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


@contextlib.contextmanager
def observer(total: int, *, quiet: bool, verbose: bool) -> Iterator[Observer]:
    """What draws the events on standard error: live lines on a terminal, plain ones elsewhere."""
    if quiet:
        yield lambda event: None
        return
    if sys.stderr.isatty() and not verbose:
        from rich.console import Console

        from prewarm.formats.live import LiveLines

        with LiveLines(Console(stderr=True), total) as live:
            yield live
        return
    from prewarm.formats.plain import PlainLines

    yield PlainLines(sys.stderr, verbose=verbose)


def show(report: Report, *, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Print the report on standard output: JSON, a table, or with ``quiet`` only what failed."""
    if as_json:
        from prewarm.formats import document

        click.echo(document.render(report))
        return
    failed = [entry for entry in report.entries if entry.failure is not None]
    if quiet and not failed:
        return
    from prewarm.formats import console, table

    if quiet:
        for entry in failed:
            table.show_failure(entry, console.make(sys.stderr), verbose=verbose)
        return
    table.show(report, console.make(sys.stdout), verbose=verbose)
