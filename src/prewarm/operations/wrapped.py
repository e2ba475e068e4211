"""Wrapped models: installed, run and remembered. Changes with when they are run, and what is kept of it."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

from prewarm.cache.file_lock import locked as file_locked
from prewarm.cache.stored import key_of, read_table, write_table
from prewarm.flow.account import Options, Tools
from prewarm.hub import configuration, tokens
from prewarm.operations.launcher import CommandLauncher
from prewarm.operations.project import Project
from prewarm.records.entry import Application, Wrapped
from prewarm.records.errors import WrappedError
from prewarm.records.events import EntryFinished, EntryStarted, Notice
from prewarm.records.failure import ErrorKind, Failure
from prewarm.records.report import WrappedReport
from prewarm.samples.wrapped import Folder, Given, installing, judged, look
from prewarm.worker.temporary import OwnFolder

_RUN = Path(__file__).parents[1] / "samples" / "wrapped" / "_run" / "__main__.py"
_INSTALL_S = 3600.0
_REQUIREMENTS = "mend src/requirements.txt, and what the wheels in privatepkgs require"
_SETTINGS = 'another version in src/settings.yml: env: with python: "3.11"'


def prove_all(project: Project, using: Tools, environ: Mapping[str, str], options: Options) -> list[WrappedReport]:
    """Install and run each of them, unless that is remembered. One's failure is a value in its report.

    Args:
        project: with the wrapped models.
        using: what the run works with.
        environ: the process's environment.
        options: what the run is asked to do.
    """
    if not project.wrapped:
        return []
    if options.dry_run or options.proof == "files":
        return [state(one) for one in project.wrapped]
    return [using.stages.begin(partial(_prove, one, project, using, environ, options)) for one in project.wrapped]


def states(project: Project) -> list[WrappedReport]:
    """What is known of them from the disk alone."""
    return [state(one) for one in project.wrapped]


def state(wrapped: Wrapped) -> WrappedReport:
    """What is known of one: proven where it has passed as it is now."""
    entry = wrapped.as_entry
    try:
        folder = look(wrapped.path)
    except WrappedError as error:
        return WrappedReport(wrapped=wrapped, entry=entry, status="failed", ready=False, failure=error.as_failure())
    found = WrappedReport(
        wrapped=wrapped, entry=entry, commit=version_of(folder), status="missing", ready=False, files=folder.files,
        bytes=folder.bytes,
    )  # fmt: skip
    kept = read_table(_place(wrapped) / "proof.json")
    if not kept:
        return replace(found, notes=("not run yet",))
    if kept.get("digest") != _digest(wrapped, folder):
        return replace(found, status="cached", notes=("it has changed since it was run",))
    if isinstance(failed := kept.get("failure"), dict) and failed.get("kind") in get_args(ErrorKind):
        failure = Failure(kind=failed["kind"], message=str(failed.get("message")), hint=str(failed.get("hint")))
        return replace(found, status="failed", failure=failure)
    return replace(found, status="proven", ready=True, loaded=str(kept.get("class", "")))


def version_of(folder: Folder) -> str:
    """What a folder is known by in the history, as a commit is: the beginning of the hash of what is in it."""
    return folder.digest[:40]


def _prove(
    wrapped: Wrapped, project: Project, using: Tools, environ: Mapping[str, str], options: Options
) -> WrappedReport:
    began = time.monotonic()
    before = state(wrapped)
    if before.ready and not options.prove_again:
        return before
    entry = wrapped.as_entry
    using.observe(EntryStarted(entry=entry))
    found = replace(before, status="cached", ready=False, failure=None, notes=())
    place = _place(wrapped)

    def awaited(holder: str, waited_s: float) -> None:
        del waited_s
        using.observe(Notice(text=f"waiting for {holder or 'another process'}, which runs {wrapped.name}"))

    folder = None
    try:
        folder = look(wrapped.path)
        found = replace(found, commit=version_of(folder))
        place.parent.mkdir(parents=True, exist_ok=True)
        with file_locked(place.with_suffix(".lock"), using.stop, awaited):
            given = _run(wrapped, folder, place, project, using, environ)
        # As it is now: its class may have written beside itself, or taken away what it is made of.
        folder = look(wrapped.path)
    except Exception as error:  # noqa: BLE001 (told apart there)
        failure = using.failure_of(error).as_failure()
        found = replace(found, status="failed", failure=failure, elapsed_s=time.monotonic() - began)
        if folder is not None:
            said = {"kind": failure.kind, "message": failure.message, "hint": failure.hint}
            write_table(place / "proof.json", {"digest": _digest(wrapped, folder), "failure": said})
    else:
        write_table(place / "proof.json", {"digest": _digest(wrapped, folder), "class": given.loaded})
        found = replace(
            found,
            status="proven",
            ready=True,
            files=folder.files,
            bytes=folder.bytes,
            commit=version_of(folder),
            loaded=given.loaded,
            answer=given.answer,
            elapsed_s=time.monotonic() - began,
        )
    using.observe(EntryFinished(report=found))
    return found


def _run(
    wrapped: Wrapped, folder: Folder, place: Path, project: Project, using: Tools, environ: Mapping[str, str]
) -> Given:
    """Its answer for its sample.

    Raises:
        WrappedError: it cannot be installed, or does not answer as it has to.
    """
    sample = _sample(wrapped, project.manifest.path.absolute().parent)
    launcher = CommandLauncher(
        # Where the token lies is nobody's business; the cache is named by itself.
        environ={**environ, "HF_HOME": str(place / "home")},
        token=tokens.known_token(),
        cache=configuration.cache_root(),
        stop=using.stop,
    )
    python = _installed(wrapped, folder, place, launcher, using)
    with OwnFolder() as own:
        request, answer = own / "request.json", own / "answer.json"
        request.write_text(json.dumps({"folder": str(folder.path.absolute()), "sample": sample}), encoding="utf-8")
        command = (str(python), "-B", str(_RUN), str(request), str(answer))
        timeout_s = project.settings.proof_timeout_s
        ran = launcher.offline(_command(wrapped, command, folder.path, timeout_s))
        if ran.exit_code is None:
            hint = 'more time: [settings] with proof_timeout = "20m"'
            raise WrappedError("timeout", f"it takes longer than {timeout_s:.0f} s", hint=hint)
        if not ran.has_passed:
            last = ran.last_words.splitlines()
            said = f"its process {ran.how}" + (f": {last[-1]}" if last else "")
            raise WrappedError("load-error", said, hint="-v shows more of what it said", trace=ran.last_words)
        return judged(answer)


def _installed(wrapped: Wrapped, folder: Folder, place: Path, launcher: CommandLauncher, using: Tools) -> Path:
    """The interpreter of its environment, which is made where what it requires is another than before.

    Raises:
        WrappedError: it cannot be made.
    """
    how = installing(folder, place / "venv", uv=shutil.which("uv"))
    wanted = f"{how.by} {folder.python} {folder.pip} {folder.required}"
    stamp = place / "installed"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted and how.python.exists():
        return how.python
    using.observe(Notice(text=f"{wrapped.name}: {how.by} installs what it requires"))
    # Half an environment is none: the stamp comes last.
    stamp.unlink(missing_ok=True)
    shutil.rmtree(place / "venv", ignore_errors=True)
    place.mkdir(parents=True, exist_ok=True)
    for at, command in enumerate(how.commands):
        ran = launcher.installing(_command(wrapped, command, folder.path, _INSTALL_S))
        if not ran.has_passed:
            shutil.rmtree(place / "venv", ignore_errors=True)
            said = " ".join(ran.last_words.split())[-900:] or f"{how.by} {ran.how}"
            what, hint = "what it requires cannot be installed together", _REQUIREMENTS
            if at == 0:
                what, hint = f"no environment of Python {folder.python or 'here'} can be made", _SETTINGS
            kind: ErrorKind = "timeout" if ran.exit_code is None else "load-error"
            raise WrappedError(kind, f"{what}: {said}", hint=hint, trace=ran.last_words)
    stamp.write_text(wanted, encoding="utf-8")
    return how.python


def _command(wrapped: Wrapped, command: Sequence[str], cwd: Path, timeout_s: float) -> Application:
    return Application(name=wrapped.name, command=tuple(command), cwd=cwd.absolute(), timeout_s=timeout_s)


def _sample(wrapped: Wrapped, base: Path) -> dict[str, Any]:
    """What it is sent: an image by its content."""
    found = dict(wrapped.sample)
    said = found.get("image")
    if isinstance(said, str) and len(said) < 1000 and (path := base / said).suffix:
        try:
            found["image"] = base64.b64encode(path.read_bytes()).decode("ascii")
        except OSError as error:
            raise WrappedError(
                "not-found", f"its sample's image {said} cannot be read: {error.strerror}", hint="a file, or base64"
            ) from None
    return found


def _place(wrapped: Wrapped) -> Path:
    return configuration.home() / "prewarm" / "wrapped" / key_of(wrapped.path.absolute())


def _digest(wrapped: Wrapped, folder: Folder) -> str:
    said = json.dumps([folder.digest, wrapped.sample], sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()
