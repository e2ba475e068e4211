"""prewarm.lock to a Lock and back, and whether it is out of date. Changes with the lock's schema."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from prewarm.lock import lines as locklines
from prewarm.lock.digest import application_digest, entry_digest
from prewarm.manifest import toml as tomlfile
from prewarm.records import names
from prewarm.records.entry import Application, Entry, Manifest
from prewarm.records.errors import LockError
from prewarm.records.listing import SIZE_MAX, Digest, Repo, RepoFile
from prewarm.records.lock import Lock, LockedApplication, LockedEntry, LockedRepo

LOCK_NAME = "prewarm.lock"
SCHEMA = 1
_AGAIN = "delete it and run prewarm: it is written anew, at the newest commits"
_HEADER = "# Written by prewarm: the commits and files that the manifest's entries resolve to. Not for editing.\n"


def find(lock: Lock, entry: Entry) -> LockedEntry | None:
    """What the lock holds for ``entry`` as it is now, or None."""
    for locked in lock.entries:
        if locked.entry is entry:
            return locked
    # Entries that differ in nothing that decides the files share what is locked.
    wanted = entry_digest(entry)
    for locked in lock.entries:
        if locked.entry.id == entry.id and entry_digest(locked.entry) == wanted:
            return dataclasses.replace(locked, entry=entry)
    return None


def with_entries(lock: Lock, settled: Mapping[Entry, LockedEntry]) -> Lock:
    """``lock`` with entries that have been settled anew."""
    kept = [locked for locked in lock.entries if locked.entry not in settled]
    return dataclasses.replace(lock, entries=(*kept, *settled.values()))


def find_application(lock: Lock, application: Application) -> LockedApplication | None:
    """What the lock holds for ``application``; None where an entry has one of its repositories at another commit."""
    commits = {repo.repo: repo.commit for locked in lock.entries for repo in locked.repos}
    for locked in lock.applications:
        if locked.application == application:
            is_current = all(commits.get(repo.repo, repo.commit) == repo.commit for repo in locked.repos)
            return locked if is_current else None
    return None


def pins(lock: Lock) -> dict[Repo, str]:
    """The commit of every repository and revision in the lock: what it means for new entries as well."""
    applications = {repo.repo: repo.commit for locked in lock.applications for repo in locked.repos}
    return {**applications, **{repo.repo: repo.commit for locked in lock.entries for repo in locked.repos}}


def load(path: Path, manifest: Manifest) -> Lock:
    """Read the lock at ``path``; entries that the manifest does not have, or no more so, are left out.

    Raises:
        LockError: it cannot be read, is damaged, or is of a newer schema.
    """
    content = _read(path)
    schema = content.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise LockError(
            f"{path} is of schema {schema}, and this prewarm knows {SCHEMA}", hint="pip install -U hf-prewarm"
        )
    if schema != SCHEMA:
        raise LockError(f"{path} names no schema that can be read", hint=_AGAIN)
    by_digest = {entry_digest(entry): entry for entry in manifest.entries}
    found, strangers = [], []
    for at, table in enumerate(_tables(content, "entry", path.name)):
        place = f"{path.name}: entry[{at}]"
        entry = by_digest.get(_text(table, "digest", place))
        repos = [_repo(item, f"{place}.repo[{n}]") for n, item in enumerate(_tables(table, "repo", place))]
        if not repos:
            raise _damaged(place)
        if entry is not None:
            found.append(
                LockedEntry(entry=entry, repos=tuple(repos), is_complete=_flag(table, "complete", place, True))
            )
        else:
            own = repos[0].repo
            stranger = Entry(id=own.repo_id, revision=own.revision, repo_type=own.repo_type, place=place)
            strangers.append(LockedEntry(entry=stranger, repos=tuple(repos)))
    applications = _applications(content, path.name, manifest)
    return Lock(entries=tuple(found), applications=applications, strangers=tuple(strangers))


def _applications(content: Mapping[str, Any], name: str, manifest: Manifest) -> tuple[LockedApplication, ...]:
    by_digest = {application_digest(application): application for application in manifest.applications}
    found = []
    for at, table in enumerate(_tables(content, "application", name)):
        place = f"{name}: application[{at}]"
        application = by_digest.get(_text(table, "digest", place))
        repos = tuple(_repo(item, f"{place}.repo[{n}]") for n, item in enumerate(_tables(table, "repo", place)))
        if application is not None:
            found.append(LockedApplication(application=application, repos=repos))
    return tuple(found)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LockError(f"{path} cannot be read: {error.strerror or error}") from None
    if b"<<<<<<<" in content:
        raise LockError(
            f"{path} has a merge conflict", hint=f"take either side (git checkout --ours {path.name}), and run prewarm"
        )
    with contextlib.suppress(UnicodeDecodeError):
        if (table := locklines.parse(content.decode())) is not None:
            return table
    return tomlfile.read(path, LockError, hint=_AGAIN)


def dump(lock: Lock) -> str:
    """The text of a lock: the same for the same content, a line a file."""
    lines = [_HEADER, f"schema = {SCHEMA}"]
    for locked in sorted(lock.entries, key=lambda locked: (locked.entry.repo, entry_digest(locked.entry))):
        lines += ["", "[[entry]]", *_pairs({"id": locked.entry.id, "revision": locked.entry.revision})]
        lines += _pairs({"digest": entry_digest(locked.entry)})
        lines += [] if locked.is_complete else ["complete = false"]
        lines += _repo_lines("entry", locked.repos)
    for one in sorted(lock.applications, key=lambda one: application_digest(one.application)):
        lines += ["", "[[application]]", *_pairs({"name": one.application.name})]
        lines += _pairs({"digest": application_digest(one.application)})
        lines += _repo_lines("application", one.repos)
    return "\n".join(lines) + "\n"


def _repo_lines(kind: str, repos: Iterable[LockedRepo]) -> list[str]:
    lines = []
    for repo in repos:
        lines += ["", f"[[{kind}.repo]]", *_pairs({"id": repo.repo.repo_id, "type": repo.repo.repo_type})]
        lines += _pairs({"revision": repo.repo.revision, "commit": repo.commit})
        if repo.served_as:
            lines += _pairs({"served_as": repo.served_as})
        if repo.license:
            lines += _pairs({"license": repo.license})
        lines += ["gated = true"] * repo.gated
        lines.append("files = [")
        for file in sorted(repo.files, key=lambda file: file.path):
            hashed = f"{file.digest.algorithm} = {tomlfile.string(file.digest.value)}"
            if file.code_sha256 and file.digest.algorithm != "sha256":
                hashed += f", sha256 = {tomlfile.string(file.code_sha256)}"
            lines.append(f"  {{ path = {tomlfile.string(file.path)}, size = {file.size}, {hashed} }},")
        lines.append("]")
        if repo.absent:
            lines.append(f"absent = {tomlfile.value(sorted(repo.absent))}")
    return lines


def _pairs(table: Mapping[str, str]) -> list[str]:
    return [f"{key} = {tomlfile.string(text)}" for key, text in table.items()]


def _repo(table: Mapping[str, Any], place: str) -> LockedRepo:
    repo_id, commit = _text(table, "id", place), _text(table, "commit", place)
    revision, repo_type = _text(table, "revision", place), _text(table, "type", place)
    served_as = table.get("served_as", "")
    license_ = _text({"license": "", **table}, "license", place)
    is_sound = names.is_repo_id(repo_id) and names.is_commit(commit) and names.is_revision(revision)
    if not is_sound or repo_type not in ("model", "dataset") or (served_as and not names.is_repo_id(str(served_as))):
        raise _damaged(place)
    files = tuple(_file(item, f"{place}.files[{n}]") for n, item in enumerate(_tables(table, "files", place)))
    repo = Repo(repo_id=repo_id, revision=revision, repo_type="dataset" if repo_type == "dataset" else "model")
    absent = table.get("absent", [])
    if not isinstance(absent, list) or not all(isinstance(item, str) and names.is_path(item) for item in absent):
        raise _damaged(f"{place}.absent")
    return LockedRepo(
        repo=repo,
        commit=commit,
        files=files,
        served_as=str(served_as),
        absent=tuple(absent),
        license=license_,
        gated=_flag(table, "gated", place, False),
    )


def _file(table: Mapping[str, Any], place: str) -> RepoFile:
    path, size = _text(table, "path", place), table.get("size")
    sha256, sha1 = table.get("sha256"), table.get("git-sha1")
    is_size = isinstance(size, int) and not isinstance(size, bool) and 0 <= size <= SIZE_MAX
    is_sound = names.is_path(path) and is_size
    if not is_sound or not (sha256 is None or (isinstance(sha256, str) and names.is_sha256(sha256))):
        raise _damaged(place)
    code_sha256 = sha256 or "" if path.endswith(".py") else ""
    assert isinstance(size, int)
    if sha1 is None and sha256:
        return RepoFile(path=path, size=size, digest=Digest(algorithm="sha256", value=sha256), code_sha256=code_sha256)
    if isinstance(sha1, str) and names.is_commit(sha1):
        return RepoFile(path=path, size=size, digest=Digest(algorithm="git-sha1", value=sha1), code_sha256=code_sha256)
    raise _damaged(place)


def _tables(content: Mapping[str, Any], key: str, place: str) -> list[Mapping[str, Any]]:
    found = content.get(key, [])
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise _damaged(f"{place}.{key}")
    return found


def _text(table: Mapping[str, Any], key: str, place: str) -> str:
    text = table.get(key)
    if not isinstance(text, str):
        raise _damaged(f"{place}.{key}")
    return text


def _flag(table: Mapping[str, Any], key: str, place: str, default: bool) -> bool:
    flag = table.get(key, default)
    if not isinstance(flag, bool):
        raise _damaged(f"{place}.{key}")
    return flag


def _damaged(place: str) -> LockError:
    return LockError("the lock is damaged here", place=place, hint=_AGAIN)
