"""``hf download`` in scripts and Dockerfiles, to entries. Changes with that command's words."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prewarm.authoring.draft import Draft
from prewarm.records import names
from prewarm.records.text import quoted

DOWNLOAD = re.compile(r"(?:^|[\s;&|(\"'])(?:hf|huggingface-cli)\s+download\s")
_ASSIGNED = re.compile(r"""(?:^|\s|export |ENV |ARG )([A-Za-z_]\w*)=["']?([\w./:@-]+)["']?(?=\s|$|;)""")
_LISTED = re.compile(r"\s*(?:RUN|CMD|ENTRYPOINT)\s*(\[.*\])\s*$")
_SAID = re.compile(r"(?:^|\s)(?:echo|printf)\s")
_USED = re.compile(r"\$\{?([A-Za-z_]\w*)(?::-([\w./:@-]+))?\}?")
_WITH_VALUE = (
    "--revision", "--repo-type", "--include", "--exclude", "--local-dir", "--cache-dir", "--token", "--max-workers",
    "--local-dir-use-symlinks", "--format",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What a file names."""

    drafts: tuple[Draft, ...]
    notes: tuple[str, ...]
    """What was not taken over, and why, a sentence each."""


def of_shell(text: str, name: str) -> Taken:
    """The ``hf download`` lines of a shell script or a Dockerfile.

    Args:
        text: its content.
        name: of the file.
    """
    drafts: list[Draft] = []
    notes: list[str] = []
    known: dict[str, str] = {}
    for number, line in _joined(text):
        known |= {match[1]: match[2] for match in _ASSIGNED.finditer(line)}
        line = _as_words(_with_values(line, known))  # noqa: PLW2901 (the same line)
        if line.lstrip().startswith("#"):
            continue
        for match in DOWNLOAD.finditer(line):
            if _SAID.search(re.split(r"&&|;", line[: match.start()])[-1]):
                continue
            rest = re.split(r"&&|\|\||;|\||>", line[match.end() :])[0]
            drafts += _download(rest, f"{name}:{number}", notes)
    return Taken(drafts=tuple(drafts), notes=tuple(notes))


def _as_words(line: str) -> str:
    """A line with what Docker takes as a list written as words: ``RUN ["hf", "download", "x"]``."""
    match = _LISTED.match(line)
    return " ".join(re.findall(r'"([^"]*)"', match[1])) if match else line


def _with_values(line: str, known: Mapping[str, str]) -> str:
    """A line with what its variables were given, or would be by default: ``${NAME:-default}``."""
    return _USED.sub(lambda match: known.get(match[1], match[2] or match[0]), line)


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Lines with those that they go on in, and the number of the first."""
    start, whole = 0, ""
    for number, line in enumerate(text.splitlines(), start=1):
        if whole and line.lstrip().startswith("#"):
            # Docker takes comments between the lines of one command.
            continue
        start = start or number
        whole += line.rstrip().removesuffix("\\") + " "
        if not line.rstrip().endswith("\\"):
            yield start, whole
            start, whole = 0, ""
    if whole:
        yield start, whole


def _download(rest: str, place: str, notes: list[str]) -> Iterator[Draft]:
    try:
        words = shlex.split(rest, comments=True)
    except ValueError:
        words = rest.split()
    plain: list[str] = []
    given: dict[str, list[str]] = {}
    key = ""
    for word in words:
        if word.startswith("--"):
            key, equals, value = word.partition("=")
            if equals:
                given.setdefault(key, []).append(value)
            key = key if key in _WITH_VALUE and not equals else ""
        elif key:
            given.setdefault(key, []).append(word)
            # --include takes several.
            key = key if key in ("--include", "--exclude") else ""
        else:
            plain.append(word.rstrip("\"'])"))
    if not plain:
        return
    if not names.is_repo_id(plain[0]):
        notes.append(f"{place}: {quoted(plain[0], 60)} is no constant: left out")
        return
    keys: dict[str, Any] = {}
    if revision := given.get("--revision"):
        keys["revision"] = revision[0]
    if given.get("--repo-type", ["model"])[0] == "dataset":
        keys["repo_type"] = "dataset"
    # What is downloaded whole is opened by something that nobody names here: all of it is kept.
    keys["include"] = plain[1:] or given.get("--include") or ["*"]
    if exclude := given.get("--exclude"):
        keys["exclude"] = exclude
    if folder := given.get("--local-dir"):
        notes.append(f"{place}: --local-dir {quoted(folder[0], 60)}: prewarm fills the cache, and no other folder")
    yield Draft(id=plain[0], keys=keys, where=(place,))
