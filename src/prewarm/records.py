"""Every value that flows from the manifest to the report. Changes when the flow carries something new.

All of them are frozen, and none imports more than the standard library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

RepoType = Literal["model", "dataset"]
DigestAlgorithm = Literal["sha256", "git-sha1"]
ProofMode = Literal["load", "files"]
TransferMode = Literal["auto", "http", "xet"]
Status = Literal["missing", "partial", "cached", "proven", "failed"]
ErrorKind = Literal[
    "not-found",
    "gated",
    "unauthorized",
    "rate-limited",
    "unreachable",
    "corrupt",
    "needs-remote-code",
    "unsafe",
    "load-error",
    "no-space",
    "timeout",
    "internal",
]


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Digest:
    """What the Hub's listing says that the bytes of a file hash to."""

    algorithm: DigestAlgorithm
    """``sha256`` of the content for LFS files, git's blob ``sha1`` for all others."""
    value: str
    """Lower-case hexadecimal: 64 digits for sha256, 40 for git-sha1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RepoFile:
    """One file of a repository at a commit."""

    path: str
    """Relative to the repository's root, with forward slashes."""
    size: int
    """Bytes."""
    digest: Digest
    code_sha256: str = ""
    """For Python files that are run: the sha256 of what was read when it was locked; else empty."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Repo:
    """A repository at a revision: what is asked of the Hub."""

    repo_id: str
    """``name`` or ``namespace/name``."""
    revision: str = "main"
    """Branch, tag or commit."""
    repo_type: RepoType = "model"


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """What the Hub says that a repository consists of."""

    repo: Repo
    commit: str
    """40 hexadecimal digits."""
    files: tuple[RepoFile, ...]
    gated: bool = False
    """Whether the repository's files ask for the owner's consent; its listing does not."""
    served_as: str = ""
    """The id that the Hub answers with, where the repository was renamed: asking for it saves a redirect a file."""

    def find(self, path: str) -> RepoFile | None:
        """The file at ``path``, or None."""
        return next((file for file in self.files if file.path == path), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One model, or dataset, of the manifest."""

    id: str
    revision: str = "main"
    model_class: str | Literal[False] | None = None
    """A name in transformers, or ``package.module:Class``; False: load no model; None: ``AutoModel``."""
    processor_class: str | Literal[False] | None = None
    """As ``model_class``; None: the class that the repository's files call for, found by ``AutoProcessor``'s rules."""
    trust_remote_code: bool = False
    code_revision: str | None = None
    """The revision of another repository that ``auto_map`` points into."""
    required: bool = True
    name: str | None = None
    description: str | None = None
    subfolder: str = ""
    variant: str | None = None
    dtype: str | None = None
    use_safetensors: bool | None = None
    model_kwargs: Mapping[str, Any] = field(default_factory=_nothing, hash=False)
    processor_kwargs: Mapping[str, Any] = field(default_factory=_nothing, hash=False)
    include: tuple[str, ...] | None = None
    """Globs that replace the planned files; None: plan what the classes open."""
    exclude: tuple[str, ...] = ()
    """Globs that narrow the planned files."""
    repo_type: RepoType = "model"
    proof: ProofMode | None = None
    """None: as the settings say."""
    place: str = "simple"
    """Where the entry stands in the manifest, for messages."""

    @property
    def repo(self) -> Repo:
        """The entry's own repository."""
        return Repo(repo_id=self.id, revision=self.revision, repo_type=self.repo_type)

    @property
    def loads_model(self) -> bool:
        """Whether a model is loaded: not from a dataset, and with ``include`` only a class that is named."""
        if self.repo_type == "dataset" or self.model_class is False:
            return False
        return self.include is None or self.model_class is not None

    @property
    def loads_processor(self) -> bool:
        """Whether a processor may be loaded: as ``loads_model``; a foreign class brings its own processor."""
        if self.repo_type == "dataset" or self.processor_class is False:
            return False
        if self.processor_class is not None:
            return True
        return self.include is None and not self.foreign_class

    @property
    def foreign_class(self) -> str | None:
        """``package.module:Class`` where the model's class is not one of transformers, else None."""
        return self.model_class if isinstance(self.model_class, str) and ":" in self.model_class else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What the application needs."""

    path: Path
    entries: tuple[Entry, ...]
    settings: Mapping[str, Any] = field(default_factory=_nothing, hash=False)
    """The ``[settings]`` table, checked by prewarm.settings."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedRepo:
    """The files that an entry needs of one repository, at a commit."""

    repo: Repo
    commit: str
    files: tuple[RepoFile, ...]
    served_as: str = ""
    """As in Listing."""
    absent: tuple[str, ...] = ()
    """Files that transformers looks for and the commit does not have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedEntry:
    """An entry with every file that it needs; the first repository is its own."""

    entry: Entry
    repos: tuple[LockedRepo, ...]

    @property
    def commit(self) -> str:
        """The commit of the entry's own repository."""
        return self.repos[0].commit

    @property
    def files(self) -> tuple[tuple[LockedRepo, RepoFile], ...]:
        """Every file with the repository that it is in."""
        return tuple((repo, file) for repo in self.repos for file in repo.files)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """For every entry of a manifest the commit that it resolves to, and the files that it needs."""

    entries: tuple[LockedEntry, ...] = ()
    strangers: tuple[LockedEntry, ...] = ()
    """What is locked and the manifest does not have, or no more so: the next run drops it. Of these entries only id,
    revision and kind are known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What to do for one entry now: the lock's files less what the cache holds."""

    locked: LockedEntry
    missing: tuple[tuple[LockedRepo, RepoFile], ...]

    @property
    def missing_bytes(self) -> int:
        """Bytes to fetch."""
        return sum(file.size for _, file in self.missing)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """What bringing files into the cache cost."""

    bytes: int = 0
    """Bytes received, those of failed tries included."""
    requests: int = 0
    """Requests that the Hub meters: ``api`` and ``resolvers``."""
    waited_s: float = 0.0
    """Seconds spent waiting for a rate limit."""

    def __add__(self, other: Fetched) -> Fetched:
        return Fetched(
            bytes=self.bytes + other.bytes,
            requests=self.requests + other.requests,
            waited_s=self.waited_s + other.waited_s,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ProofRequest:
    """What to load, and how: the keywords are the application's."""

    entry: Entry
    model_class: str | None
    """None: load no model."""
    config_repo: Repo
    """Where the model's configuration is: an adapter has its base model's."""
    config_commit: str
    config_path: Path | None
    """The configuration in the cache; None where it has none."""
    code_commit: str | None
    """The commit of another repository whose code is run; None where there is none."""
    is_adapter: bool
    processor: str | None
    """None: load no processor."""
    processor_repo: Repo
    processor_subfolder: str
    processor_reason: str
    """Why this class, where it is not the one that the manifest names; for the report."""
    vocabulary: Path | None
    """The vocabulary file in the cache, to compare the tokenizer with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What was loaded, offline, in another process."""

    model: str | None
    """Class name; None: no model was asked for."""
    processor: str | None
    """Class name; None: the repository has no processor, or none was asked for."""
    dtype: str | None
    parameters: int | None
    load_s: float
    """Seconds to load processor and model, without imports."""
    peak_rss_bytes: int | None
    """The worker's peak resident memory while it loaded, imports included; None where the system does not tell."""
    network_attempts: int
    missing_keys: tuple[str, ...] = ()
    """Weights that the model's class has and the files have not: initialised at random."""
    unexpected_keys: tuple[str, ...] = ()
    """Weights that the files have and the model's class has not: left out."""
    mismatched_keys: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What a user should know of it, a sentence each."""
    looked_for: tuple[tuple[str, str], ...] = ()
    """(repo_id, path) that the classes looked for and the cache does not hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Remembered:
    """What earlier runs have found out about an entry as it is now."""

    proof: Proof | None = None
    """Passed, and everything that it depends on is as it was."""
    changed: tuple[str, ...] = ()
    """Why an earlier proof holds no more, such as "transformers was 5.22.0, and is 5.23.0"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """What happened to an entry, and what to do."""

    kind: ErrorKind
    message: str
    hint: str
    trace: str = ""
    """The traceback of the process that loaded it, for ``-v``; empty for failures elsewhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryReport:
    """What happened to one entry."""

    entry: Entry
    commit: str | None = None
    status: Status
    files: int = 0
    bytes: int = 0
    """Bytes of all files of the entry."""
    missing: tuple[str, ...] = ()
    """Paths of the files that the cache did not hold when it was looked at."""
    missing_bytes: int = 0
    fetched: Fetched = Fetched()
    elapsed_s: float = 0.0
    ready: bool
    """Decided by prewarm.ready.is_ready alone."""
    proof: Proof | None = None
    failure: Failure | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What happened, per entry and in total."""

    command: str
    entries: tuple[EntryReport, ...]
    manifest: Path
    lock: Path | None
    endpoint: str
    cache: Path
    versions: Mapping[str, str | None]
    fetched: Fetched
    elapsed_s: float
    dry_run: bool = False

    @property
    def ok(self) -> bool:
        """Whether every required entry is ready."""
        return all(report.ready for report in self.entries if report.entry.required)

    def raise_if_not_ready(self) -> None:
        """Raise NotReadyError where a required entry is not ready, with what happened to each of those."""
        lost = [report for report in self.entries if report.entry.required and not report.ready]
        if not lost:
            return
        from prewarm.errors import NotReadyError  # noqa: PLC0415 (errors imports this module)

        said = [
            f"{report.entry.id}: {report.failure.kind}: {report.failure.message}"
            if report.failure
            else f"{report.entry.id}: {report.status}"
            for report in lost
        ]
        hints = [report.failure.hint for report in lost if report.failure and report.failure.hint]
        raise NotReadyError("; ".join(said), hint=hints[0] if hints else "prewarm")
