"""Options that several commands have: which project, and how to tell of the work. Changes with what commands share."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prewarm.cli.shown import Shown

if TYPE_CHECKING:
    from prewarm.operations.project import Project

Command = Callable[..., Any]

_MANIFEST = click.option(
    "-m",
    "--manifest",
    "path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The manifest (default: prewarm.toml, or [tool.prewarm] in pyproject.toml).",
)


def ids(context: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The ids and names of the manifest's entries, for a shell that completes them; none where there is no manifest."""
    from prewarm.manifest import read
    from prewarm.records.errors import PrewarmError

    try:
        manifest = read.load(Path(context.params.get("path") or Path.cwd()))
    except (PrewarmError, OSError):
        return []
    known = [entry.name or entry.id for entry in manifest.entries] + [one.name for one in manifest.applications]
    known += [entry.id for entry in manifest.entries]
    return [word for word in dict.fromkeys(known) if word.startswith(incomplete)]


_ONLY = click.option(
    "--only",
    metavar="ID",
    multiple=True,
    shell_complete=ids,
    help="Only this entry, by id or name; may be repeated.",
)
_LOCKED = click.option("--locked", is_flag=True, help="Fail where prewarm.lock is missing or out of date.")
_NO_LOCK = click.option("--no-lock", is_flag=True, help="Neither read nor write prewarm.lock.")
_PROOF = click.option(
    "--proof", metavar="MODE", help="load (default): load every model offline; files: only verify the files."
)
_SETTINGS = {
    "proof": _PROOF,
    "workers": click.option(
        "--workers", metavar="N", help="Connections for large files, and as many for small ones (default 8)."
    ),
    "transfer": click.option(
        "--transfer", metavar="HOW", help="auto (default), http or xet: how files come that are in Xet."
    ),
    "max_wait": click.option(
        "--max-wait", metavar="TIME", help="Longest wait for rate limits, in total (default 15m)."
    ),
    "proof_timeout": click.option(
        "--proof-timeout", metavar="TIME", help="Longest time that one entry may take to load (default 10m)."
    ),
    "min_speed": click.option(
        "--min-speed", metavar="SPEED", help='Least speed of any answer (default "1 kB/s over 60 s"; 0: none).'
    ),
    "lock_wait": click.option(
        "--lock-wait", metavar="TIME", help="Longest wait for another run's download of a file (default 30m)."
    ),
    "discovery_max_repos": click.option(
        "--discovery-max-repos", metavar="N", help="Most further repositories that one load may ask for (default 8)."
    ),
    "discovery_max_bytes": click.option(
        "--discovery-max-bytes", metavar="SIZE", help='Most bytes that one load may ask for (default "200 GB").'
    ),
    "confinement": click.option(
        "--confinement",
        metavar="HOW",
        help='How far what is loaded is confined: "strongest" (default), "required" or "none".',
    ),
    "worker_memory": click.option(
        "--worker-memory", metavar="SIZE", help="Most memory of one load (default: by its files and the machine)."
    ),
}
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
_QUIET = click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
_VERBOSE = click.option(
    "-v", "--verbose", is_flag=True, help="Print a line for every file, and traces of what does not load."
)


def project(*settings: str) -> Callable[[Command], Command]:
    """Which entries: the command is given ``load``, which reads manifest, settings and lock.

    Args:
        settings: keys of ``[settings]`` that have a flag here; none: all of them.
    """
    keys = settings or tuple(_SETTINGS)

    def adding(command: Command) -> Command:
        @functools.wraps(command)
        def with_project(path: Path | None, only: Sequence[str], locked: bool, no_lock: bool, **given: Any) -> Any:
            flags = {key: given.pop(key) for key in keys}

            def load() -> Project:
                from prewarm.operations import project

                if locked and no_lock:
                    raise click.UsageError("--locked and --no-lock exclude each other")
                return project.load(path, environ=os.environ, flags=flags, only=only, locked=locked, no_lock=no_lock)

            return command(load=load, **given)

        return _with(with_project, _MANIFEST, _ONLY, _LOCKED, _NO_LOCK, *(_SETTINGS[key] for key in keys))

    return adding


def manifest(command: Command) -> Command:
    """Only which manifest: the command is given ``path``."""
    return _MANIFEST(command)


def output(*, json: bool = True, verbose: bool | str = True) -> Callable[[Command], Command]:
    """How to tell: the command is given ``shown``.

    Args:
        json: whether there is a report that can be printed as JSON.
        verbose: whether there is more to tell than usual, or what that is, where it is something else.
    """

    def adding(command: Command) -> Command:
        @functools.wraps(command)
        def with_output(quiet: bool, as_json: bool = False, verbose: bool = False, **given: Any) -> Any:
            return command(shown=Shown(as_json=as_json, quiet=quiet, verbose=verbose), **given)

        more = click.option("-v", "--verbose", is_flag=True, help=verbose) if isinstance(verbose, str) else _VERBOSE
        return _with(with_output, *[_JSON] * json, _QUIET, *[more] * bool(verbose))

    return adding


def _with(command: Command, *options: Callable[[Command], Command]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
