"""What the manifest says. Changes when an entry gets a new key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from prewarm.records.listing import Repo, RepoType

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
    """The ``[settings]`` table, checked by prewarm.manifest.settings."""
