"""What calls load, to entries. Changes with what an entry says of a call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from prewarm.authoring.draft import Draft
from prewarm.authoring.record import Call, entries_of
from prewarm.authoring.scan.told import Found

_BY_FILES = ("file", "snapshot", "dataset")


@dataclass(frozen=True, kw_only=True)
class Load:
    """One call with one id."""

    found: Found
    name: str
    kind: str
    args: tuple[Any, ...]
    given: dict[str, Any]

    @property
    def as_call(self) -> Call:
        """As a recording has it."""
        return Call(name=self.name, args=self.args, given=self.given, where=self.found.where)


def drafts_of(found: Iterable[Load], notes: list[str]) -> list[Draft]:
    """The entries that make the calls load offline; what they cannot hold goes to ``notes``."""
    loads = list(found)
    per_repo: dict[str, list[Call]] = {}
    for one in loads:
        if one.kind not in _BY_FILES:
            per_repo.setdefault(one.found.id, []).append(one.as_call)
    drafts = [draft for repo_id, calls in per_repo.items() for draft in entries_of(repo_id, calls, notes)]
    return [*drafts, *_by_files(one for one in loads if one.kind in _BY_FILES)]


def _by_files(found: Iterable[Load]) -> Iterator[Draft]:
    """Files that are asked for by name: one entry a repository."""
    per_repo: dict[tuple[str, str, str], list[Load]] = {}
    for one in found:
        repo_type = one.given.get("repo_type") if one.kind != "dataset" else "dataset"
        revision = one.given.get("revision")
        key = (one.found.id, str(revision or "main"), "dataset" if repo_type == "dataset" else "model")
        per_repo.setdefault(key, []).append(one)
    for (repo_id, revision, repo_type), loads in per_repo.items():
        include: list[str] = []
        for one in loads:
            include += _files(one)
        keys: dict[str, Any] = {} if revision == "main" else {"revision": revision}
        keys |= {"repo_type": "dataset"} if repo_type == "dataset" else {}
        where = tuple(dict.fromkeys(one.found.where for one in loads))
        yield Draft(id=repo_id, keys={**keys, "include": list(dict.fromkeys(include)) or ["*"]}, where=where)


def _files(one: Load) -> list[str]:
    if one.kind == "file":
        name = one.given.get("filename") or one.given.get("weight_name") or (one.args[1] if len(one.args) > 1 else None)
        folder = one.given.get("subfolder")
        if isinstance(name, str):
            return [f"{folder}/{name}" if isinstance(folder, str) and folder else name]
        return ["*"]
    patterns = one.given.get("allow_patterns")
    if isinstance(patterns, str):
        return [patterns]
    if isinstance(patterns, list) and all(isinstance(glob, str) for glob in patterns):
        return patterns
    return ["*"]


def merged(drafts: Iterable[Draft]) -> Iterator[Draft]:
    """Each entry once, with every line that asks for it."""
    found: dict[str, Draft] = {}
    for draft in drafts:
        key = repr(sorted(draft.table.items(), key=str))
        before = found.get(key)
        where = tuple(dict.fromkeys([*(before.where if before else ()), *draft.where]))
        found[key] = Draft(id=draft.id, keys=draft.keys, where=where)
    yield from found.values()
