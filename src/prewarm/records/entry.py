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
from prewarm.records.sample import Sample
from prewarm.records.text import strings_in

ProofMode = Literal["load", "files"]
TransferMode = Literal["auto", "http", "xet"]


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One model, or dataset, of the manifest."""

    id: str
    """The repository."""
    revision: str = "main"
    """A branch, a tag or a commit."""
    model_class: str | Literal[False] | None = None
    """A name in transformers, or a class or function as ``package.module:Name``; ``false``: load no model; None:
    ``AutoModel``."""
    processor_class: str | Literal[False] | None = None
    """As ``model_class``: that one, and no other in its place; None: the class that the repository's files call for."""
    task: str | None = None
    """What ``transformers.pipeline`` is called with, in the place of a class."""
    model_args: tuple[Any, ...] | None = field(default=None, hash=False)
    """Positional arguments in the place of the id; ``{id}``, ``{path}`` and ``{revision}`` in them are filled in."""
    trust_remote_code: bool = False
    """Whether the repository's own Python code is run, in a confined process of the entry's own."""
    code_revision: str | None = None
    """The revision of another repository that ``auto_map`` points into."""
    required: bool = True
    """Whether a failure fails the run; it is reported in any case."""
    name: str | None = None
    """What it is called in reports and by ``--only``; None: its id."""
    description: str | None = None
    """For people."""
    subfolder: str = ""
    """As in ``from_pretrained``: the folder of the repository that the model is in."""
    variant: str | None = None
    """As in ``from_pretrained``: ``"fp16"`` takes ``model.fp16.safetensors``."""
    dtype: str | None = None
    """As in ``from_pretrained``: ``"float16"``, ``"bfloat16"``, ``"auto"``."""
    use_safetensors: bool | None = None
    """As in ``from_pretrained``; None: safetensors where there are any."""
    model_kwargs: Mapping[str, Any] = field(default_factory=_nothing, hash=False)
    """Further keywords of the model's call."""
    processor_kwargs: Mapping[str, Any] = field(default_factory=_nothing, hash=False)
    """Further keywords of the processor's call."""
    include: tuple[str, ...] | None = None
    """Globs: these files in the place of those that the classes open, and nothing is loaded unless a class is
    named; None: what the classes open."""
    exclude: tuple[str, ...] = ()
    """Globs: leave these out."""
    repo_type: RepoType = "model"
    """``"dataset"``: files only, unless a class or a function is named."""
    unsafe_files: tuple[str, ...] | None = None
    """Paths of files that are trusted though they run something as they are opened, with the content that is locked."""
    unsafe: bool = False
    """Whether keywords such as ``weights_only = false`` may switch off what keeps files from running code."""
    proof: ProofMode | None = None
    """``"load"``, or ``"files"``: stop at verified files; None: as the settings say."""
    export: Export | None = None
    """The artifact to make; None: none, unless it is asked for by name."""
    samples: tuple[Sample, ...] = ()
    """What ``prewarm try`` asks it."""
    generation: Mapping[str, Any] = field(default_factory=_nothing, hash=False)
    """Keywords of ``generate``, for samples."""
    seed: int | None = None
    """Where sampling starts; None: sampled answers differ each time."""
    place: str = "simple"
    """Where the entry stands in the manifest, for messages."""

    @property
    def label(self) -> str:
        """What it is called: its name, or its id."""
        return self.name or self.id

    def is_called(self, word: str) -> bool:
        """Whether a user means it by a word: its name, or its id."""
        return word in (self.id, self.name)

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
    """What it is called; None: ``application 1``."""
    command: tuple[str, ...]
    """The command, a word each."""
    cwd: Path
    """Where it runs, from the manifest's folder."""
    timeout_s: float = 600.0
    """The longest that it may take."""
    required: bool = True
    """Whether a failure fails the run."""
    sources: tuple[str, ...] = ()
    """Globs of the files whose content decides whether its proof still holds; none: it is run each time."""
    folder: Path = Path()
    """Where the globs start: the manifest's."""
    place: str = "application[0]"
    """Where it stands in the manifest, for messages."""

    @property
    def as_entry(self) -> Entry:
        """What stands for it where entries are told of."""
        return Entry(id=self.name, required=self.required, place=self.place)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wrapped:
    """A folder with a model and the class that runs it, as onboarding systems take it."""

    name: str
    """What it is called; None: the name of its folder."""
    path: Path
    """The folder, with ``model/``, ``src/`` and perhaps ``privatepkgs/``."""
    sample: Mapping[str, Any] = field(hash=False)
    """What it is sent: ``text``, or ``image``, which is a file or its content in base64."""
    required: bool = True
    """Whether a failure fails the run."""
    place: str = "wrapped[0]"
    """Where it stands in the manifest, for messages."""

    @property
    def as_entry(self) -> Entry:
        """What stands for it where entries are told of."""
        return Entry(id=self.name, required=self.required, place=self.place)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ignored:
    """A finding of an audit that the manifest accepts."""

    id: str
    """Of the finding, as ``prewarm audit`` prints it."""
    reason: str
    """Why it is accepted."""
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
    wrapped: tuple[Wrapped, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    """Findings of an audit that are accepted."""
    settings: Mapping[str, Any] = field(default_factory=_nothing, hash=False)
    """The ``[settings]`` table, checked by prewarm.manifest.settings."""
