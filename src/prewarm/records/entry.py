"""What the manifest says. Changes when an entry gets a new key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from prewarm.records.export import Export
from prewarm.records.listing import Repo, RepoType
from prewarm.records.text import strings_in

ProofMode = Literal["load", "files"]
TransferMode = Literal["auto", "http", "xet"]


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One model, or dataset, of the manifest."""

    id: str
    revision: str = "main"
    model_class: str | Literal[False] | None = None
    """A name in transformers, or a class or function as ``package.module:Name``; False: load no model; None:
    ``AutoModel``."""
    processor_class: str | Literal[False] | None = None
    """As ``model_class``: that one, and no other in its place; None: the class that the repository's files call for."""
    task: str | None = None
    """What ``transformers.pipeline`` is called with, in the place of a class."""
    model_args: tuple[Any, ...] | None = field(default=None, hash=False)
    """Positional arguments in the place of the id; ``{id}``, ``{path}`` and ``{revision}`` in them are filled in."""
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
    unsafe_files: tuple[str, ...] | None = None
    """Paths of files that are trusted whatever they do when they are opened, with the content that is locked."""
    unsafe: bool = False
    """Whether keywords may switch off what keeps files from doing something."""
    proof: ProofMode | None = None
    """None: as the settings say."""
    export: Export | None = None
    """The artifact to make; None: none, unless it is asked for by name."""
    place: str = "simple"
    """Where the entry stands in the manifest, for messages."""

    @property
    def repo(self) -> Repo:
        """The entry's own repository."""
        return Repo(repo_id=self.id, revision=self.revision, repo_type=self.repo_type)

    @property
    def loads_model(self) -> bool:
        """Whether a model is loaded: with ``include``, and from a dataset, only by a class that is named."""
        if self.model_class is False:
            return False
        is_named = self.model_class is not None or self.task is not None
        return is_named or (self.include is None and self.repo_type == "model")

    @property
    def loads_processor(self) -> bool:
        """Whether a processor may be loaded: as ``loads_model``; a foreign class brings its own processor."""
        if self.repo_type == "dataset" or self.processor_class is False:
            return False
        if self.processor_class is not None:
            return True
        return self.include is None and not self.foreign_class and self.task is None

    @property
    def foreign_class(self) -> str | None:
        """``package.module:Class`` where the model's class is not one of transformers, else None."""
        return self.model_class if isinstance(self.model_class, str) and ":" in self.model_class else None

    @property
    def package(self) -> str:
        """The package of ``foreign_class``; empty where there is none."""
        return (self.foreign_class or "").partition(":")[0].partition(".")[0]

    @property
    def opens_folder(self) -> bool:
        """Whether it is loaded from the folder of its files, as ``snapshot_download`` gives it."""
        return any("{path}" in text for text in strings_in(self.model_args or ()))


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    """A command of the application's, that loads what no entry describes."""

    name: str
    command: tuple[str, ...]
    cwd: Path
    """The manifest's folder, or one below or beside it."""
    timeout_s: float = 600.0
    required: bool = True
    sources: tuple[str, ...] = ()
    """Globs of the files whose content decides whether its proof still holds; none: it is never remembered."""
    folder: Path = Path()
    """Where the globs start: the manifest's."""
    place: str = "application[0]"
    """Where it stands in the manifest, for messages."""

    @property
    def as_entry(self) -> Entry:
        """What stands for it where entries are told of."""
        return Entry(id=self.name, required=self.required, place=self.place)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ignored:
    """A finding of an audit that the manifest accepts."""

    id: str
    reason: str
    until: date | None = None
    """The last day on which it is accepted; None: for good."""
    place: str = "audit.ignore[0]"
    """Where it stands in the manifest, for messages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What the application needs."""

    path: Path
    entries: tuple[Entry, ...]
    applications: tuple[Application, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    """Findings of an audit that are accepted."""
    settings: Mapping[str, Any] = field(default_factory=_nothing, hash=False)
    """The ``[settings]`` table, checked by prewarm.manifest.settings."""
