"""Models that texts name: commands that download or serve, and configuration. Changes with how these are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from prewarm.authoring.draft import Draft
from prewarm.authoring.scan.sources import Source
from prewarm.authoring.scan.told import Found, Unsure
from prewarm.authoring.shell import of_shell
from prewarm.records import names

_FILES = (".bin", ".pt", ".pth", ".onnx", ".gguf", ".safetensors", ".json", ".ckpt", ".pkl", ".txt", ".zip", ".tar.gz")
_CONFIG = re.compile(
    r"""^\s*-?\s*["']?(?P<key>[\w.-]*(?:model|checkpoint|repo_id|embedding)[\w.-]*)["']?\s*[:=]\s*"""
    r"""["']?(?P<id>[A-Za-z0-9][\w.-]*/[\w.-]+)["']?\s*(?:#.*)?$""",
    re.IGNORECASE,
)
_SERVED = re.compile(r"(?:vllm\s+serve\s+|--model-id[=\s]+|--model[=\s]+)[\"']?([A-Za-z0-9][\w.-]*/[\w.-]+)")


def downloaded(sources: Iterable[Source]) -> tuple[list[Found], list[Draft], list[str]]:
    """What ``hf download`` fetches, in scripts, Dockerfiles and notebooks: finds, entries, and notes."""
    found: list[Found] = []
    drafts: list[Draft] = []
    notes: list[str] = []
    for source in sources:
        taken = of_shell(source.text, source.name) if source.text else None
        if taken is None:
            continue
        notes += taken.notes
        drafts += taken.drafts
        for draft in taken.drafts:
            file, _, line = draft.where[0].rpartition(":")
            found.append(Found(id=draft.id, call="hf download", where=draft.where[0], file=file, line=int(line)))
    return found, drafts, notes


def configured(sources: Iterable[Source]) -> Iterator[Unsure]:
    """What configuration names, of which nothing says who loads it."""
    for source in sources:
        if source.tree is not None or not source.text or source.path.suffix.lower() in (".sh", ".bash"):
            continue
        for number, line in enumerate(source.text.splitlines(), start=1):
            match = _CONFIG.match(line)
            if match and names.is_repo_id(match["id"]) and not match["id"].lower().endswith(_FILES):
                said = f"{match['key']} names {match['id']}, and nothing here says what loads it"
                yield Unsure(where=f"{source.name}:{number}", said=said)


def served(sources: Iterable[Source]) -> Iterator[Found]:
    """What a server of models is started with."""
    for source in sources:
        for number, line in enumerate(source.text.splitlines() if source.text else (), start=1):
            if "vllm" in line or "--model-id" in line:
                for repo_id in _SERVED.findall(line):
                    if names.is_repo_id(repo_id):
                        where = f"{source.name}:{number}"
                        yield Found(id=repo_id, call="served", where=where, file=source.name, line=number)
