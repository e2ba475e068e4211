"""Digests of entries: what of them decides the files, and what decides the proof. Changes with an entry's fields."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

from prewarm.records.entry import Application, Entry
from prewarm.records.lock import LockedEntry

_NEVER = ("required", "name", "description", "proof", "place", "unsafe", "export", "samples", "generation", "seed")
_FOR_THE_PROOF_ALONE = ("processor_kwargs", "dtype")
_LATER = ("task", "model_args", "unsafe_files")


def entry_digest(entry: Entry) -> str:
    """What of an entry decides its files, as a sha256: where it differs, the lock is out of date."""
    return _sha256([_fields(entry, without=_NEVER + _FOR_THE_PROOF_ALONE), entry.processor_kwargs.get("subfolder")])


def proof_digest(entry: Entry) -> str:
    """What of an entry decides how it is loaded, as a sha256."""
    return _sha256(_fields(entry, without=_NEVER))


def entry_tag(entry: Entry) -> str:
    """What an entry is called where its id would not do: by how it is loaded."""
    return proof_digest(entry)[:32]


def application_digest(application: Application) -> str:
    """What of an application decides its files, as a sha256."""
    return _sha256([application.name, application.command])


def files_digest(locked: LockedEntry) -> str:
    """The commits and the content of every file of an entry, as a sha256."""
    return _sha256([(repo.repo.repo_id, repo.commit, file.path, file.digest.value) for repo, file in locked.files])


def _fields(entry: Entry, *, without: tuple[str, ...]) -> dict[str, Any]:
    found = {field.name: getattr(entry, field.name) for field in dataclasses.fields(entry) if field.name not in without}
    # Keys that came later count where they are used: an entry without them stays locked.
    return {name: value for name, value in found.items() if not (value is None and name in _LATER)}


def _sha256(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=dict).encode()).hexdigest()
