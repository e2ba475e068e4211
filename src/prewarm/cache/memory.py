"""What earlier runs have found out about entries, beside the cache. Changes with what a proof depends on.

Passed proofs lie in the repository's folder, and go with it; how the last run failed, which files repositories have and
what an audit found lies in ``HF_HOME/prewarm``, since a repository that was never fetched has no folder. All of it may
be deleted: the next run proves again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from prewarm.cache import layout
from prewarm.cache.installed import versions_of
from prewarm.cache.run_memory import LIBRARIES, RunMemory
from prewarm.cache.stored import read_table, write_table
from prewarm.lock.digest import entry_tag, files_digest
from prewarm.records.entry import Entry
from prewarm.records.failure import ErrorKind, Failure
from prewarm.records.libraries import moved
from prewarm.records.listing import Listed, Listing, Repo
from prewarm.records.lock import LockedEntry, LockedRepo
from prewarm.records.proof import Proof, Remembered
from prewarm.records.text import harmless, harmless_lines

SCHEMA = 1
_LISTS = ("missing_keys", "unexpected_keys", "mismatched_keys", "notes", "looked_for")
_KEPT_FIELDS = {field.name for field in fields(Proof)} - {"confinement"}
"""Of a proof: what held the process is of that run alone."""
_KEPT = 8
"""Proofs of one entry: several environments may share a cache."""


class Memory:
    """Keeps proofs and failures.

    Args:
        root: the cache's folder.
        home: ``HF_HOME``.
        versions: of prewarm and Python.
        environ: the environment that entries are loaded in.
    """

    def __init__(
        self, root: Path, home: Path, versions: Mapping[str, str], environ: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._environ = environ
        self._root = root
        self._failures = home / "prewarm" / "failures"
        self._audits = home / "prewarm" / "audits"
        self._listings = home / "prewarm" / "listings"
        self._versions = versions
        self._runs = RunMemory(home / "prewarm" / "applications", versions)
        self.recall_run, self.keep_run = self._runs.recall, self._runs.keep

    def recall(self, locked: LockedEntry) -> Remembered:
        """Whether an entry with these files has passed its proof."""
        now = self._depends(locked)
        kept = _proofs(self._place(locked))
        for one in kept:
            if one["depends"] == now and (proof := _proof(one["proof"])) is not None:
                return Remembered(proof=proof)
        return Remembered(changed=_changes(kept[0]["depends"], now)) if kept else Remembered()

    def failure(self, entry: Entry, locked: LockedEntry | None) -> Failure | None:
        """How the last run failed on the entry with these files; None where it did not, or something has changed."""
        said = read_table(self._failure_place(entry))
        words = [said.get(key) for key in ("kind", "message", "hint")]
        if not all(isinstance(word, str) for word in words) or words[0] not in get_args(ErrorKind):
            return None
        if locked is not None and said.get("depends") not in (None, self._depends(locked)):
            return None
        until = said.get("until")
        left_s = until - time.time() if isinstance(until, (int, float)) else 0.0
        return Failure(
            kind=said["kind"],
            message=harmless(said["message"]),
            hint=harmless_lines(said["hint"]),
            retry_in_s=max(0.0, left_s),
        )

    def keep(self, locked: LockedEntry, proof: Proof) -> None:
        """Remember a passed proof; without a word where the cache cannot be written."""
        now = self._depends(locked)
        place = self._place(locked)
        others = [one for one in _proofs(place) if one["depends"] != now]
        told = {name: value for name, value in asdict(proof).items() if name in _KEPT_FIELDS} | {"looked_for": []}
        write_table(place, {"schema": SCHEMA, "proofs": [{"depends": now, "proof": told}, *others][:_KEPT]})

    def keep_failure(self, entry: Entry, locked: LockedEntry | None, failure: Failure | None) -> None:
        """Remember how the entry's last run ended; None: it did not fail."""
        place = self._failure_place(entry)
        if failure is None:
            with contextlib.suppress(OSError):
                place.unlink()
            return
        depends = self._depends(locked) if locked is not None else None
        told = {"kind": failure.kind, "message": failure.message, "hint": failure.hint, "depends": depends}
        write_table(place, {**told, "until": time.time() + failure.retry_in_s})

    def listed(self, repo: LockedRepo) -> Listed | None:
        """Which files the repository has at its commit; None where that is not remembered."""
        files = read_table(self._listing_place(repo.repo, repo.commit)).get("files")
        if not isinstance(files, dict) or not all(isinstance(size, int) for size in files.values()):
            return None
        return Listed(files=files)

    def keep_listings(self, listings: Collection[Listing]) -> None:
        """Remember which files repositories have at their commits; without a word where that cannot be written."""
        for listing in listings:
            place = self._listing_place(listing.repo, listing.commit)
            if not place.exists():
                write_table(place, {"files": {file.path: file.size for file in listing.files}})

    def keep_audit(self, locked: LockedEntry, found: Collection[tuple[str, str, str]]) -> None:
        """Remember what an audit found of an entry that makes it vulnerable: id, and a package with its version."""
        write_table(self._audit_place(locked.entry), {"commit": locked.commit, "found": [list(one) for one in found]})

    def vulnerable(self, entry: Entry, commit: str | None) -> tuple[str, ...]:
        """What the last audit found, as far as it still holds: for this commit, and these versions of packages."""
        said = read_table(self._audit_place(entry))
        found = said.get("found")
        if commit is None or said.get("commit") != commit or not isinstance(found, list):
            return ()
        sound = [one for one in found if isinstance(one, list) and [type(word) for word in one] == [str] * 3]
        now = versions_of({package for _, package, _ in sound if package})
        return tuple(harmless(id_) for id_, package, version in sound if not package or now[package] == version)

    def forget(self, locked: LockedEntry) -> None:
        """Take back the entry's proofs: its files are not what they were."""
        with contextlib.suppress(OSError):
            self._place(locked).unlink()

    def _listing_place(self, repo: Repo, commit: str) -> Path:
        return self._listings / repo.folder / f"{commit}.json"

    def _audit_place(self, entry: Entry) -> Path:
        return self._audits / f"{entry_tag(entry)}.json"

    def _place(self, locked: LockedEntry) -> Path:
        return layout.proofs(self._root, locked.entry.repo, entry_tag(locked.entry))

    def _failure_place(self, entry: Entry) -> Path:
        return self._failures / f"{entry_tag(entry)}.json"

    def _depends(self, locked: LockedEntry) -> dict[str, str | None]:
        names = list(LIBRARIES)
        if locked.entry.package:
            names.append(locked.entry.package)
        if any(file.path.endswith("adapter_config.json") for _, file in locked.files):
            names.append("peft")
        elsewhere = moved(locked.entry.foreign_class, self._environ, str(self._root))
        return {
            **({"place": elsewhere} if elsewhere else {}),
            "commit": locked.commit,
            "files": files_digest(locked),
            **self._versions,
            **versions_of(names),
        }


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    said = []
    if before.get("commit") != now["commit"]:
        said.append(f"the commit was {str(before.get('commit'))[:7]}, and is {str(now['commit'])[:7]}")
    elif before.get("files") != now["files"]:
        said.append("the files are others")
    said += [
        f"{name} was {before.get(name) or 'not there'}, and is {version or 'not there'}"
        for name, version in now.items()
        if name not in ("commit", "files", "place") and before.get(name) != version
    ]
    if not said and before.get("place") != now.get("place"):
        said.append("its library looked in another folder for it")
    return tuple(said)


def _proofs(path: Path) -> list[dict[str, Any]]:
    """What is remembered in a file, as far as it has the form that it is written in."""
    kept = read_table(path).get("proofs")
    return [
        one
        for one in (kept if isinstance(kept, list) else [])
        if isinstance(one, dict) and isinstance(one.get("depends"), dict) and isinstance(one.get("proof"), dict)
    ]


def _proof(told: Mapping[str, Any]) -> Proof | None:
    try:
        kept: dict[str, Any] = {name: _value(told[name], name) for name in _KEPT_FIELDS}
    except (KeyError, TypeError):
        return None
    return Proof(**kept)


def _value(told: object, name: str) -> object:
    """One field of a proof.

    Raises:
        TypeError: it is of another type than it is written in.
    """
    if name in _LISTS:
        if not isinstance(told, list) or not all(isinstance(one, str) for one in told):
            raise TypeError(name)
        return tuple(map(harmless, told))
    is_text = name in ("model", "processor", "dtype")
    is_right = told is None or isinstance(told, str) if is_text else told is None or isinstance(told, (int, float))
    if not is_right or (told is None and name in ("load_s", "network_attempts")):
        raise TypeError(name)
    return harmless(told) if isinstance(told, str) else told
