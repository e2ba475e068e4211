"""Answers that were stored as what is expected: ``prewarm.samples.toml``, beside the lock. Changes with its lines."""

from __future__ import annotations

import array
import base64
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from prewarm.manifest import toml as tomlfile
from prewarm.records.errors import LockError
from prewarm.records.sample import Recorded
from prewarm.samples.answers import answer_of

NAME = "prewarm.samples.toml"
SCHEMA = 1
_AGAIN = "delete it and run prewarm try --record: it is written anew"
_HEADER = "# Written by prewarm try --record: what the entries answered. Not for editing.\n"
_PACKED = ("vector", "numbers")


def load(path: Path) -> tuple[Recorded, ...]:
    """What was stored; nothing where there is no file.

    Raises:
        LockError: it cannot be read, is damaged, or is of a newer schema.
    """
    if not path.exists():
        return ()
    return read(tomlfile.read(path, LockError, hint=_AGAIN), path)


def read(content: Mapping[str, Any], path: Path) -> tuple[Recorded, ...]:
    """What a file's content says.

    Raises:
        LockError: it is damaged, or of a newer schema.
    """
    schema = content.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise LockError(
            f"{path} is of schema {schema}, and this prewarm knows {SCHEMA}", hint="pip install -U hf-prewarm"
        )
    if schema != SCHEMA or not isinstance(content.get("answer", []), list):
        raise LockError(f"{path} names no schema that can be read", hint=_AGAIN)
    return tuple(_recorded(one, f"{path.name}: answer[{at}]") for at, one in enumerate(content.get("answer", [])))


def dump(recorded: Iterable[Recorded]) -> str:
    """The text of the file: the same for the same content."""
    lines = [_HEADER, f"schema = {SCHEMA}"]
    for one in sorted(recorded, key=_key):
        answer = one.answer
        table: dict[str, Any] = {
            "entry": one.entry,
            "sample": one.name,
            **({"cases": one.cases} if one.cases else {}),
            "input": one.digest,
            "commit": one.commit,
            "dtype": one.dtype or "",
            "versions": dict(one.versions),
            "kind": answer.kind,
            "task": answer.task,
        }
        table |= {"texts": list(answer.texts)} if answer.texts else {}
        table |= {"labels": [list(pair) for pair in answer.labels]} if answer.labels else {}
        table |= {"confidence": [round(value, 6) for value in answer.confidence]} if answer.confidence else {}
        table |= {"first": [list(pair) for pair in answer.first]} if answer.first else {}
        table |= {name: _packed(value) for name in _PACKED if (value := getattr(answer, name))}
        table |= {"sampled": True} if answer.is_sampled else {}
        lines += ["", "[[answer]]", *(f"{key} = {tomlfile.value(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def merged(before: Iterable[Recorded], new: Iterable[Recorded]) -> tuple[Recorded, ...]:
    """What is stored after some answers were given anew."""
    found = {_key(one): one for one in before}
    found.update({_key(one): one for one in new})
    return tuple(found.values())


def _key(one: Recorded) -> tuple[str, str, str]:
    return one.cases, one.entry, one.name


def _recorded(table: Any, place: str) -> Recorded:
    try:
        words = {key: table[key] for key in ("entry", "sample", "input", "commit", "dtype")}
        versions, cases = table["versions"], table.get("cases", "")
        if not all(isinstance(word, str) for word in [cases, *words.values(), *versions.values()]):
            raise TypeError("no text")
        said = {**table, "is_sampled": table.get("sampled", False)}
        said |= {name: _unpacked(table[name]) for name in _PACKED if name in table}
        if table["kind"] == "value":
            said["kind"] = "text"
        answer = answer_of(said)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise LockError("the answer is damaged here", place=place, hint=_AGAIN) from None
    if table["kind"] == "value":
        answer = replace(answer, kind="value")
    return Recorded(
        entry=words["entry"],
        name=words["sample"],
        cases=cases,
        digest=words["input"],
        commit=words["commit"],
        dtype=words["dtype"] or None,
        versions=versions,
        answer=answer,
    )


def _packed(numbers: Iterable[float]) -> str:
    """Numbers as float32 in base64: a third of their digits."""
    found = array.array("f", numbers)
    if sys.byteorder == "big":
        found.byteswap()
    return base64.b64encode(found.tobytes()).decode("ascii")


def _unpacked(text: str) -> list[float]:
    found = array.array("f")
    found.frombytes(base64.b64decode(text, validate=True))
    if sys.byteorder == "big":
        found.byteswap()
    return list(found)


def by_name(recorded: Iterable[Recorded], entry: str, cases: str = "") -> Mapping[str, Recorded]:
    """The answers of one entry, by sample; those of a set of cases, or of the manifest's samples."""
    return {one.name: one for one in recorded if (one.entry, one.cases) == (entry, cases)}
