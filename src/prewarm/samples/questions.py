"""A sample to what the worker is asked, and what of it decides the answer. Changes with what a sample can hold."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prewarm.lock.content import sha256_of
from prewarm.records.entry import Entry
from prewarm.records.sample import Sample

_FILES = ("image", "audio")
_MEDIA = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".wav", ".flac", ".ogg", ".mp3")


def missing_file(sample: Sample, base: Path) -> str | None:
    """The file that a sample names and that is not there."""
    for name in _FILES:
        said = getattr(sample, name)
        if said is not None and not _is_file(base / said):
            return str(said)
    return None


def asked_of(samples: Sequence[Sample], base: Path, folder: Path) -> list[dict[str, Any]]:
    """What the worker is asked; files are copied into its folder, since it sees no other.

    Args:
        samples: whose files are there.
        base: where the paths of samples start.
        folder: that the worker can read.

    Raises:
        OSError: a file cannot be read.
    """
    return [_question(sample, base, folder, at) for at, sample in enumerate(samples)]


def digest_of(sample: Sample, entry: Entry, base: Path) -> str:
    """What decides the answer: the input, with the content of its files, and how texts are generated.

    Raises:
        OSError: a file cannot be read.
    """
    files = {name: sha256_of(base / said) for name in _FILES if (said := getattr(sample, name)) is not None}
    files |= {key: sha256_of(path) for key, path in _named_files(sample, base).items()}
    content: list[object] = [sample.text, sample.text_pair, list(sample.chat), files, sample.input, sample.task]
    content += [dict(entry.generation), entry.seed]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _question(sample: Sample, base: Path, folder: Path, at: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "text": sample.text,
        "text_pair": sample.text_pair,
        "chat": list(sample.chat),
        "task": sample.task,
        "input": None if sample.input is None else dict(sample.input),
    }
    for name in _FILES:
        if (said := getattr(sample, name)) is not None:
            found[name] = str(_copied(base / said, folder / f"{at}-{name}"))
    # By number: a key may be any text, also one that would be a path.
    for number, (key, path) in enumerate(_named_files(sample, base).items()):
        found["input"][key] = str(_copied(path, folder / f"{at}-{number}"))
    return found


def _named_files(sample: Sample, base: Path) -> dict[str, Path]:
    """Files that keywords of a pipeline name: it would open them, and the worker sees none but copies."""
    return {
        key: base / said
        for key, said in (sample.input or {}).items()
        if isinstance(said, str) and Path(said).suffix.lower() in _MEDIA and _is_file(base / said)
    }


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        # A name that is longer than any may be.
        return False


def _copied(path: Path, folder: Path) -> Path:
    folder.mkdir(parents=True)
    target = folder / path.name
    shutil.copyfile(path, target)
    return target
