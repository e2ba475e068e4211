"""What an application's source loads, beside what its manifest has. Changes with what they are compared by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prewarm.authoring.draft import Draft
from prewarm.authoring.scan import Found, Scan, read_sources, scan
from prewarm.lock import file as locks
from prewarm.operations.manifest_file import ManifestFile
from prewarm.operations.project import load_or_empty
from prewarm.records.errors import CommandError


@dataclass(frozen=True, kw_only=True)
class Scanned:
    """What was found."""

    scan: Scan
    manifest: Path
    lacking: tuple[Found, ...]
    """What the code loads and the manifest does not have."""
    drafts: tuple[Draft, ...]
    """The entries for it."""


def scan_sources(paths: Sequence[Path], manifest: Path | None, environ: Mapping[str, str]) -> Scanned:
    """Read source, and compare it with the manifest, where there is one.

    Args:
        paths: files and folders.
        manifest: None: the one of the working directory.
        environ: the process's environment.

    Raises:
        CommandError: a path is not there.
        ManifestError, LockError: what is there of a manifest is wrong.
    """
    for path in paths:
        if not path.exists():
            raise CommandError(
                f"{path} is not there", hint="name a folder or a file of the application: prewarm scan ."
            )
    project = load_or_empty(manifest, environ)
    found = scan(read_sources(paths))
    known = {entry.id for entry in project.manifest.entries}
    # What an entry or an application needs of others is there with it.
    known |= {repo.repo_id for repo in locks.pins(project.lock)}
    return Scanned(
        scan=found,
        manifest=project.manifest.path,
        lacking=tuple(one for one in found.found if one.id not in known and not one.is_ignored),
        drafts=tuple(draft for draft in found.drafts if draft.id not in known and _is_wanted(draft, found)),
    )


def write(scanned: Scanned) -> None:
    """Put what is lacking into the manifest.

    Raises:
        ManifestError: it cannot be written.
    """
    file = ManifestFile(scanned.manifest)
    file.add(scanned.drafts)
    file.write()


def _is_wanted(draft: Draft, found: Scan) -> bool:
    lines = [one for one in found.found if one.id == draft.id]
    return not lines or any(not one.is_ignored for one in lines)
