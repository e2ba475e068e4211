"""Entries from what the Hub says of repositories, into manifest and lock. Changes with what is looked at before."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from prewarm import plan as planning
from prewarm.audit.code import Read, read
from prewarm.authoring.addresses import Pasted, parse
from prewarm.authoring.draft import Draft
from prewarm.authoring.native import model_types
from prewarm.authoring.suggest import Suggestion, suggest
from prewarm.flow.account import Account, Tools
from prewarm.flow.resolve import Resolved, answered, resolve
from prewarm.hub import configuration
from prewarm.lock.digest import entry_digest
from prewarm.manifest import read as manifests
from prewarm.operations.lock_file import write_lock
from prewarm.operations.machine import memory
from prewarm.operations.manifest_file import ManifestFile
from prewarm.operations.project import Project, load_or_empty, merged, read_lock
from prewarm.operations.tools import Work, tools
from prewarm.records.entry import Entry
from prewarm.records.errors import CacheError, EntryError, PlanError
from prewarm.records.events import Observer
from prewarm.records.failure import Failure
from prewarm.records.libraries import PACKAGES
from prewarm.records.listing import Listing
from prewarm.records.lock import LockedEntry
from prewarm.records.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Added:
    """What became of one id."""

    said: str
    """As it was given."""
    draft: Draft | None = None
    suggestion: Suggestion | None = None
    state: str = "new"
    """``new``, ``updated``, ``left`` (it is there already), or ``failed``."""
    place: str = ""
    """Where it stands already."""
    locked: LockedEntry | None = None
    fetch_bytes: int = 0
    """What the cache does not hold."""
    whole_bytes: int = 0
    """Of the whole repository."""
    whole_files: int = 0
    is_readable: bool = False
    """Whether a file of it was read: where it is gated, the token may."""
    code: Mapping[str, Read] | None = None
    """Python files that will run, and what they say of themselves."""
    lacking: tuple[str, ...] = ()
    """Packages that loading it needs and that are not installed, as pip calls them."""
    notes: tuple[str, ...] = ()
    failure: Failure | None = None
    listings: tuple[Listing, ...] = ()
    """What the Hub lists of its repositories."""

    @property
    def runs_code(self) -> bool:
        """Whether loading it runs code of the repository."""
        return self.draft is not None and bool(self.draft.keys.get("trust_remote_code"))


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What the Hub says of all of them."""

    added: tuple[Added, ...]
    project: Project
    file: ManifestFile | None
    """The manifest as it was before; None: nothing is to be written."""


def look(
    path: Path | None,
    asked: Sequence[str],
    observe: Observer,
    environ: Mapping[str, str],
    *,
    globs: Sequence[str] = (),
    updates: bool = False,
    writes: bool = True,
) -> Looked:
    """Ask the Hub what each is, and how it would be written down.

    Args:
        path: the manifest; None: the one of the working directory.
        asked: ids, or addresses of pages.
        observe: is told of the progress.
        environ: the process's environment.
        globs: files that are wanted by name.
        updates: whether an entry that is there is written anew.
        writes: whether the manifest is going to be written.

    Raises:
        ManifestError, LockError, CommandError: what is there is wrong, or what was asked for.
    """
    pasted = [parse(said, configuration.endpoint()) for said in asked]
    project = load_or_empty(path, environ)
    file = ManifestFile(project.manifest.path) if writes else None
    native = model_types()
    with tools(project, observe, environ, Work(dry_run=True)) as using:
        using.hub.expect(listings=len(pasted))

        def one(at: int) -> Added:
            return _looked_at(asked[at], pasted[at], project, using, native, globs, updates=updates)

        found = using.stages.run([using.stages.plan(one, at) for at in range(len(pasted))], using.end)
    return Looked(added=tuple(found), project=project, file=file)


def write(looked: Looked, added: Sequence[Added], observe: Observer, environ: Mapping[str, str]) -> bool:
    """Put entries into manifest and lock; gives whether the lock has them, too.

    Args:
        looked: what was found before.
        added: what is to be written of it.
        observe: is told where the lock cannot be written.
        environ: the process's environment.

    Raises:
        ManifestError: the manifest cannot be written, or somebody has changed it meanwhile.
    """
    assert looked.file is not None, "what was only looked at is not written"
    for one in added:
        assert one.draft is not None
        if one.state == "updated":
            looked.file.update(one.draft)
        else:
            looked.file.add([one.draft])
    looked.file.write()
    remembered = memory(configuration.cache_root(), environ)
    for one in added:
        remembered.keep_listings(one.listings)
    return _lock(looked.project, added, observe)


def untrusted(one: Added) -> Added:
    """What becomes of one whose code nobody has agreed to."""
    failure = Failure(
        kind="needs-remote-code",
        message=f"it runs code of the repository: {', '.join(one.code or ())}",
        hint=f"read it, and if you trust it: prewarm add {one.said} --trust-remote-code",
    )
    return replace(one, state="failed", failure=failure)


def _looked_at(
    said: str,
    pasted: Pasted,
    project: Project,
    using: Tools,
    native: Collection[str],
    globs: Sequence[str],
    *,
    updates: bool,
) -> Added:
    repo = pasted.repo
    there = next((entry for entry in project.manifest.entries if entry.id == repo.repo_id), None)
    if there is not None and not updates and repo.revision in {there.revision, "main"}:
        return Added(said=said, draft=Draft(id=repo.repo_id), state="left", place=there.place)
    # A page of one file means that file.
    wanted = list(globs) or [pasted.path] * bool(pasted.path)
    account = Account(Entry(id=repo.repo_id), using)
    try:
        suggestion, known = answered(lambda known: suggest(repo, known, native, wanted), using, account)
        entry = _entry(suggestion.draft, project.manifest.path)
        account = Account(entry, using)
        resolved = resolve(entry, using, account, known)
    except Exception as error:  # noqa: BLE001 (told apart there)
        return Added(said=said, state="failed", failure=_explained(using.failure_of(error)).as_failure())
    listing = known.listing(repo)
    plan = planning.make(resolved.locked, using.cache.scan(resolved.locked))
    code = _code(resolved)
    return Added(
        said=said,
        draft=suggestion.draft,
        suggestion=suggestion,
        state="updated" if there is not None and updates else "new",
        place=there.place if there is not None else "",
        locked=resolved.locked,
        fetch_bytes=plan.missing_bytes,
        whole_bytes=sum(file.size for file in listing.files),
        whole_files=len(listing.files),
        listings=resolved.listings,
        is_readable=any(of == repo for of, _ in resolved.known.documents),
        code=code,
        lacking=_lacking(entry, resolved.locked, code),
        notes=(*resolved.notes, *_no_room(using, plan), *_pickled(resolved.locked)),
    )


def _entry(draft: Draft, path: Path) -> Entry:
    (entry,) = manifests.parse({"advanced": [draft.table]}, path=path).entries
    return entry


def _explained(error: EntryError) -> EntryError:
    if isinstance(error, PlanError) and not error.hint:
        error.hint = "name its files: --file GLOB"
    return error


def _code(resolved: Resolved) -> dict[str, Read]:
    return {
        file.path if repo.repo == resolved.locked.entry.repo else f"{repo.repo.repo_id}: {file.path}": read(
            resolved.known.documents.get((repo.repo, file.path), b"")
        )
        for repo, file in resolved.locked.files
        if file.code_sha256
    }


def _lacking(entry: Entry, locked: LockedEntry, code: Mapping[str, Read]) -> tuple[str, ...]:
    modules = {package for one in code.values() for package in one.packages}
    modules |= {entry.package} if entry.package else set()
    if any(file.path.endswith("adapter_config.json") for _, file in locked.files):
        modules.add("peft")
    return tuple(sorted(PACKAGES.get(name, name) for name in modules if not _is_there(name)))


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _no_room(using: Tools, plan: Plan) -> tuple[str, ...]:
    try:
        using.cache.reserve(plan.missing)
    except CacheError as error:
        return (error.message,)
    using.cache.release(plan.missing)
    return ()


def _pickled(locked: LockedEntry) -> tuple[str, ...]:
    pickled = [file.path for _, file in locked.files if file.path.endswith((".bin", ".pt", ".pth", ".ckpt", ".pkl"))]
    if not pickled or locked.entry.foreign_class == "faster_whisper:WhisperModel":
        return ()
    return (f"its weights are pickles ({pickled[0]}): they are looked into before they are opened",)


def _lock(project: Project, added: Iterable[Added], observe: Observer) -> bool:
    """Put what was resolved into the lock at once."""
    manifest = manifests.load(project.manifest.path, may_be_empty=True)
    lock = read_lock(project.lock_path, manifest)
    locked = {_placed(manifest.entries, one.locked): one.locked for one in added if one.locked is not None}
    settled = {entry: replace(one, entry=entry) for entry, one in locked.items() if entry is not None}
    is_written = write_lock(project, merged(manifest, lock, settled), observe)
    return is_written and None not in locked


def _placed(entries: Iterable[Entry], locked: LockedEntry) -> Entry | None:
    """The entry as the manifest has it now."""
    wanted = entry_digest(locked.entry)
    return next((entry for entry in entries if entry.id == locked.entry.id and entry_digest(entry) == wanted), None)
