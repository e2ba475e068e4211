"""The cache for a doctor: which one, why that one, and what it can. Changes with what can be wrong with a cache."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from prewarm.cache import leftovers, scan
from prewarm.cache.file_lock import locked as holding
from prewarm.flow.stop import Stop
from prewarm.operations.project import Project
from prewarm.records.examined import Examined
from prewarm.records.units import plural, size

_LEAST_FREE_BYTES = 2_000_000_000


def examine_cache(project: Project | None, environ: Mapping[str, str]) -> Iterator[Examined]:
    """Look at the cache; nothing that is made for it stays.

    Args:
        project: what is to be in it; None: that is not known.
        environ: the process's environment.
    """
    from prewarm.hub import configuration  # noqa: PLC0415 (refuses wrong variables as it is imported)

    root = configuration.cache_root()
    yield Examined(topic="cache", said=f"{root}, by {_chosen_by(environ)}")
    yield from _writable(root)
    there = next((folder for folder in (root, *root.parents) if folder.is_dir()), None)
    if there is not None:
        yield _room(there, _missing_bytes(project, root))
    left = leftovers.find(root) if root.is_dir() else []
    unused = [one for one in left if not one.is_used]
    if unused:
        said = f"{plural(len(unused), 'leftover')} of interrupted downloads, {size(sum(one.size for one in unused))}"
        yield Examined(topic="cache", said=said, state="note", hint="prewarm clean")
    for other in _others(root, environ):
        said = f"another cache lies in {other}: what is there is not seen"
        yield Examined(topic="cache", said=said, state="note", hint=f"export HF_HUB_CACHE={other}, if that is the one")


def _chosen_by(environ: Mapping[str, str]) -> str:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        if environ.get(name):
            return name
    return "default"


def _writable(root: Path) -> Iterator[Examined]:
    probe = root / f".prewarm-doctor-{os.getpid()}-{secrets.token_hex(4)}"
    made: list[Path] = []
    try:
        for folder in reversed([root, *root.parents]):
            if not folder.exists():
                folder.mkdir()
                made.append(folder)
        probe.mkdir()
        (probe / "a").write_text("a")
    except OSError as error:
        shutil.rmtree(probe, ignore_errors=True)
        yield Examined(
            topic="cache",
            said=f"it cannot be written: {error.strerror}",
            state="wrong",
            hint=f"sudo chown -R $(id -u) {root}; or export HF_HOME to a folder of your own",
        )
    else:
        yield from _links_and_locks(probe)
        shutil.rmtree(probe, ignore_errors=True)
    for folder in reversed(made):
        folder.rmdir()


def _links_and_locks(probe: Path) -> Iterator[Examined]:
    said = []
    try:
        (probe / "b").symlink_to("a")
        said.append("symlinks")
    except OSError:
        yield Examined(
            topic="cache", said="no symlinks can be made: files are shown by hard links or moved", state="note"
        )
    with holding(probe / "lock", Stop(), lambda *_: None) as is_held:
        if is_held:
            said.append("locks")
        else:
            told = "locks hold nobody off here: two runs at once may fetch the same file twice"
            yield Examined(topic="cache", said=told, state="note")
    yield Examined(topic="cache", said=f"it can be written{', and has ' + ' and '.join(said) if said else ''}")


def _missing_bytes(project: Project | None, root: Path) -> int:
    entries = project.lock.entries if project is not None else ()
    return sum(file.size for locked in entries for _, file in scan.missing(root, locked))


def _room(folder: Path, wanted: int) -> Examined:
    free = shutil.disk_usage(folder).free
    needs = f", and the manifest needs {size(wanted)} more" if wanted else ""
    said = f"{size(free)} free{needs}"
    if free < max(wanted, _LEAST_FREE_BYTES if wanted else 0):
        return Examined(topic="room", said=said, state="wrong", hint="hf cache prune, or set HF_HOME to another disk")
    return Examined(topic="room", said=said)


def _others(root: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    home = Path(environ.get("HOME") or environ.get("USERPROFILE") or "/nowhere")
    named = [home / ".cache" / "huggingface" / "hub"]
    named += [Path(environ["HF_HOME"]) / "hub"] if environ.get("HF_HOME") else []
    named += [Path(environ["XDG_CACHE_HOME"]) / "huggingface" / "hub"] if environ.get("XDG_CACHE_HOME") else []
    for folder in dict.fromkeys(named):
        try:
            if folder.resolve() != root.resolve() and any(folder.glob("models--*")):
                yield folder
        except OSError:
            continue
