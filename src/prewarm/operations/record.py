"""Runs an application once as it is, and tells what it loads. Changes with how it is watched.

It gets an empty cache and the gateway in the place of the Hub, so that it asks for everything by name, and nothing that
is in the cache is fetched twice. A hook in its Python processes notes the calls; the kernel tells which files it opens.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from prewarm.authoring.record import Drafts, Seen, drafts, read_calls
from prewarm.flow.account import Account, Bounds, Tools
from prewarm.flow.asked import Asked
from prewarm.gateway import Gateway
from prewarm.hub import configuration
from prewarm.operations.project import load_or_empty
from prewarm.operations.tools import Work, tools
from prewarm.records.entry import Entry
from prewarm.records.errors import HubError
from prewarm.records.events import Observer
from prewarm.records.libraries import HOMES
from prewarm.records.listing import Listing, Refused, Repo, RepoFile
from prewarm.worker.opened import Opened
from prewarm.worker.temporary import OwnFolder

_WORKER = Path(__file__).parents[1] / "worker"
_UNBOUNDED = Bounds(repos=1000, bytes=1 << 60)
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What was seen."""

    drafts: Drafts
    exit_code: int
    """Of the command."""


class _Recorded(Asked):
    """The engine for an application that may ask for anything; offline, what the cache has."""

    def __init__(self, tools: Tools, account: Account, opened: Opened) -> None:
        # What it opens by itself, it may open here.
        super().__init__((), tools, account, looks=False)
        self._opened = opened
        self._paths: dict[tuple[Repo, str], Path] = {}

    def listing(self, repo: Repo) -> Listing | Refused:
        try:
            return super().listing(repo)
        except HubError as error:
            found = self._tools.cache.listing(self._named(repo))
            if found is None:
                return Refused(status=404, message=error.message)
            with self._lock:
                self._listings[found.repo] = found
            return found

    def bring(self, listing: Listing, file: RepoFile) -> Path:
        content = super().bring(listing, file).resolve()
        self._opened.watch(content)
        self._paths[listing.repo, file.path] = content
        return content

    def seen(self) -> list[Seen]:
        """What came of every repository that gave something."""
        opened = self._opened.seen()
        found: dict[Repo, tuple[list[str], list[str]]] = {}
        for (repo, path), content in sorted(self._paths.items()):
            given, read = found.setdefault(repo, ([], []))
            given.append(path)
            if content in opened or not self._opened.is_whole:
                read.append(path)
        return [Seen(repo=repo, given=tuple(given), opened=tuple(read)) for repo, (given, read) in found.items()]


def record(words: Sequence[str], path: Path | None, observe: Observer, environ: Mapping[str, str]) -> Recording:
    """Run a command to its end, and tell what it loaded; it has this process's streams and signals.

    Args:
        words: the command.
        path: the manifest, whose lock says what revisions mean; None: the one of the working directory, if any.
        observe: is told of what is fetched.
        environ: the process's environment.
    """
    project = load_or_empty(path, environ)
    is_offline = bool(configuration.offline_variable())
    with (
        OwnFolder() as folder,
        tools(project, observe, environ, Work(asks_nobody=is_offline)) as given,
        Opened() as opened,
    ):
        using = replace(given, bounds=_UNBOUNDED)
        source = _Recorded(using, Account(Entry(id=words[0]), using), opened)
        with Gateway(source, folder / "hub") as gateway:
            code = _run(words, gateway, folder, using.cache.root, environ)
            if gateway.failure is not None:
                raise gateway.failure
        found = drafts(read_calls(folder / "calls.jsonl"), source.seen())
    return Recording(drafts=replace(found, notes=(*found.notes, *_unseen(found, environ))), exit_code=code)


def _run(words: Sequence[str], gateway: Gateway, folder: Path, cache: Path, environ: Mapping[str, str]) -> int:
    own = gateway.environment({**environ, "HF_HUB_CACHE": str(cache)})
    own["PREWARM_RECORD"] = str(folder / "calls.jsonl")
    # What was copied of remote code earlier would not be asked for.
    own["HF_MODULES_CACHE"] = str(folder / "modules")
    own["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_WORKER / "_python"), own.get("PYTHONPATH")]))
    launch = [sys.executable, str(_WORKER / "_launch" / "__main__.py"), "--at", str(gateway.descriptor), "--", *words]
    process = subprocess.Popen(launch, env=own, pass_fds=[gateway.descriptor])
    with _passing_on(process):
        with contextlib.suppress(OSError):
            gateway.started(process.kill)
        code = process.wait()
    return code if code >= 0 else 128 - code


@contextlib.contextmanager
def _passing_on(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Signals are the command's: what ends it ends the recording as well, and not before it."""

    def passed(number: int, frame: object) -> None:
        del frame
        # A terminal sends Ctrl-C to the command itself.
        is_from_terminal = number == signal.SIGINT and sys.stdin is not None and sys.stdin.isatty()
        if not is_from_terminal:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)

    before = {}
    for name in _SIGNALS:
        if (number := getattr(signal, name, None)) is not None:
            before[number] = signal.signal(number, passed)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _unseen(found: Drafts, environ: Mapping[str, str]) -> tuple[str, ...]:
    """What a recording cannot see, where that may matter."""
    said = []
    if not found.entries:
        homes = ", ".join(sorted(set(HOMES.values()) - set(environ)))
        said.append(
            "nothing was asked of the Hub. Not seen: libraries with a cache of their own that is full already (move it "
            f"for once: {homes}), transformers.js without env.remoteHost, and what was never loaded"
        )
    return tuple(said)
