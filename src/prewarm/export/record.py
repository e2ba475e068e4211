"""``prewarm.json`` of an artifact: what it was made from and what lies in it. Changes with what makes one stale."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from prewarm.export.made import Made
from prewarm.lock.content import sha256_of
from prewarm.lock.digest import proof_digest
from prewarm.records.entry import Entry
from prewarm.records.export import Export
from prewarm.records.lock import LockedEntry

RECORD = "prewarm.json"
SCHEMA = 1
_MAX_BYTES = 16 << 20
_DECIDES = ("format", "task", "max_length", "opset", "dtype", "layout", "oracle")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What an artifact has to be."""

    entry: Entry
    export: Export
    locked: LockedEntry | None
    """None: nobody has locked it yet."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What lies in a folder."""

    stale: tuple[str, ...] = ()
    """Why it has to be made (again)."""
    changed: tuple[str, ...] = ()
    """What somebody else has changed in it, in phrases."""
    added: tuple[str, ...] = ()
    """What somebody else has put there: no harm, unless it would be lost."""
    record: Mapping[str, Any] | None = None
    """Its ``prewarm.json``."""
    bytes: int = 0


def wanted_of(entry: Entry, locked: LockedEntry | None) -> Wanted:
    """What an entry's artifact has to be: with defaults where its table names nothing."""
    return Wanted(entry=entry, export=entry.export or Export(), locked=locked)


def dump(wanted: Wanted, made: Made | None, folder: Path, versions: Mapping[str, str | None]) -> str:
    """The text of the record of what lies in ``folder``.

    Args:
        wanted: what it was to be.
        made: what was made; None: its files are the repository's.
        folder: of the artifact.
        versions: of what made it.
    """
    assert wanted.locked is not None, "what was made was locked"
    told = {
        "schema": SCHEMA,
        "id": wanted.entry.id,
        "name": wanted.entry.name,
        "revision": wanted.entry.revision,
        "commit": wanted.locked.commit,
        "format": wanted.export.format,
        "dtype": wanted.export.dtype,
        "layout": wanted.export.layout,
        "wanted": _decides(wanted.export),
        "entry": proof_digest(wanted.entry),
        "source": _source(wanted.locked),
        "versions": dict(versions),
        "files": {name: {"size": size, "sha256": sha256_of(folder / name)} for name, size in _files(folder).items()},
    }
    if made is not None:
        told |= {"task": made.task, "opset": made.opset, "graphs": list(made.graphs), **made.facts}
        told["agreement"] = asdict(made.agreement)
    return json.dumps(told, indent=2, sort_keys=True) + "\n"


def examine(folder: Path, wanted: Wanted, *, is_right: Callable[[Path, str], bool]) -> Found:
    """What lies in a folder, and whether it is what it has to be.

    Args:
        folder: of the artifact.
        wanted: what it has to be.
        is_right: whether a file has a sha256; may remember what it has read.
    """
    if not folder.is_dir():
        there = ("a file is there",) if folder.exists() else ()
        return Found(stale=("there is no such folder",), added=there)
    said = _read(folder / RECORD)
    if said is not None and said.get("id") != wanted.entry.id:
        of_another = (f"it is the artifact of {said.get('id')}",)
        return Found(stale=of_another, added=of_another)
    if said is None:
        others = tuple(f"{name} is there" for name in list(_files(folder))[:3])
        return Found(stale=(f"it has no {RECORD}",), added=others)
    stale = [*_differences(said, wanted)]
    changed: list[str] = []
    files = _files(folder)
    for name, fact in said["files"].items():
        if name not in files:
            stale.append(f"{name} is missing")
        elif files[name] != fact["size"] or not is_right(folder / name, fact["sha256"]):
            changed.append(f"{name} is not what was made")
    stale += [f"{name} is missing" for name in wanted.export.check_files if name not in files and name != RECORD]
    added = tuple(f"{name} is not prewarm's" for name in files if name not in said["files"])
    total = sum(files.values())
    return Found(stale=tuple(stale), changed=tuple(changed), added=added, record=said, bytes=total)


def damaged(folder: Path, *, is_right: Callable[[Path, str], bool]) -> list[str]:
    """Those of the files that a server opens that are not what was made; none where nobody has said what that is.

    Raises:
        OSError: one of them cannot be read.
    """
    said = _read(folder / RECORD) or {"files": {}}
    opened = [name for name in said["files"] if name.endswith((".onnx", ".onnx.data", "tokenizer.json"))]
    return [name for name in opened if not is_right(folder / name, said["files"][name]["sha256"])]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        if path.stat().st_size > _MAX_BYTES:
            return None
        said = json.loads(path.read_text(encoding="utf-8"))
        files = said["files"]
        is_whole = said["schema"] == SCHEMA and all(
            isinstance(fact["size"], int) and isinstance(fact["sha256"], str) and _is_below(name)
            for name, fact in files.items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return said if is_whole else None


def _is_below(name: str) -> bool:
    return not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts


def _differences(said: Mapping[str, Any], wanted: Wanted) -> list[str]:
    found = []
    if wanted.locked is None:
        found.append("its entry is not locked")
    elif said.get("commit") != wanted.locked.commit:
        found.append(f"it was made from {str(said.get('commit'))[:7]}, and {wanted.locked.commit[:7]} is locked")
    elif said.get("source") != _source(wanted.locked):
        found.append("it was made from other files than are locked")
    if said.get("entry") != proof_digest(wanted.entry):
        found.append("its entry loads something else now, or in another way")
    was, now = said.get("wanted"), _decides(wanted.export)
    if isinstance(was, dict):
        found += [f"{key} was {was.get(key)}, and is {now[key]}" for key in now if was.get(key) != now[key]]
    else:
        found.append("nobody knows how it was made")
    return found


def _decides(export: Export) -> dict[str, Any]:
    told = asdict(export)
    return {key: told[key] for key in _DECIDES}


def _source(locked: LockedEntry) -> list[dict[str, str]]:
    return [
        {
            "repo": repo.repo.repo_id,
            "commit": repo.commit,
            "path": file.path,
            file.digest.algorithm: file.digest.value,
        }
        for repo, file in locked.files
    ]


def _files(folder: Path) -> dict[str, int]:
    """Path to size of what lies in a folder, but for what Python leaves where it runs something, and the record."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and "__pycache__" not in path.parts and name != RECORD:
            found[name] = path.stat().st_size
    return found
