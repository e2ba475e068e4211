"""A new manifest: one with comments, or what another file names. Changes with what a new manifest says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prewarm.authoring.draft import Draft
from prewarm.authoring.shell import Taken
from prewarm.authoring.takeover import take
from prewarm.manifest import read as manifests
from prewarm.operations.manifest_file import ManifestFile
from prewarm.records.errors import CommandError, ManifestError

_MAX_BYTES = 20_000_000
BEGUN = """\
# What prewarm brings into the Hugging Face cache, and proves to load offline.
# An id is loaded by AutoModel and AutoProcessor; with @revision where a branch, a tag or a commit is wanted.
# prewarm add ID writes entries, prewarm scan . --write finds what your code loads.
simple = [
]

# More than an id:
# [[advanced]]
# id = "google/flan-t5-small"
# model_class = "T5ForConditionalGeneration"   # a name in transformers, or "package.module:Class"
# processor_class = "AutoTokenizer"            # default: what the files call for; false: none
# trust_remote_code = true                     # runs the repository's code, confined, at the locked commit
# required = false                             # a failure is reported, and does not fail the run

# [settings]
# max_wait = "15m"                             # the longest that a run waits for rate limits, in total
"""


def init(path: Path) -> None:
    """Write a manifest with comments and without entries.

    Raises:
        CommandError: one is there.
        ManifestError: it cannot be written.
    """
    file = _new(path)
    file.text = BEGUN if path.name != manifests.PYPROJECT_NAME else file.text + "\n[tool.prewarm]\nsimple = []\n"
    file.write()


def init_from(path: Path, sources: Sequence[Path]) -> Taken:
    """Write a manifest of what other files name.

    Args:
        path: of the manifest.
        sources: the files.

    Raises:
        CommandError: a manifest is there; a source cannot be read, or names nothing.
        ManifestError: it cannot be written.
    """
    file = _new(path)
    drafts: list[Draft] = []
    notes: list[str] = []
    for source in sources:
        taken = take(_text_of(source), source.name)
        notes += taken.notes
        for draft in taken.drafts:
            if (why := _wrong(draft, path)) is not None:
                notes.append(f"{draft.where[0]}: {draft.id}: {why}: left out")
            elif draft.table not in [other.table for other in drafts]:
                drafts.append(draft)
    if not drafts:
        raise CommandError(f"nothing in it can be taken over: {notes[0]}", hint="mend it, or prewarm add ID…")
    file.add(drafts)
    file.write()
    return Taken(drafts=tuple(drafts), notes=tuple(notes))


def _wrong(draft: Draft, path: Path) -> str | None:
    """Why an entry cannot be in a manifest; None: it can."""
    try:
        manifests.parse({"advanced": [draft.table]}, path=path)
    except ManifestError as error:
        return str(error).removeprefix("advanced[0].")
    return None


def _new(path: Path) -> ManifestFile:
    if path.exists() and path.name != manifests.PYPROJECT_NAME:
        raise CommandError(f"{path} is there already", hint="prewarm add ID… puts entries in; or name another with -m")
    file = ManifestFile(path)
    if path.name == manifests.PYPROJECT_NAME and "[tool.prewarm]" in file.text:
        raise CommandError(f"{path} has [tool.prewarm] already", hint="prewarm add ID… puts entries in")
    return file


def _text_of(source: Path) -> str:
    try:
        content = source.read_bytes()
    except OSError as error:
        raise CommandError(f"{source} cannot be read: {error.strerror}") from None
    if len(content) > _MAX_BYTES:
        raise CommandError(f"{source} is too large to be a list of models")
    return content.decode("utf-8-sig", errors="replace")
