"""What is to be loaded, and what was. Changes with what a proof looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prewarm.records.confinement import Confinement
from prewarm.records.entry import Entry
from prewarm.records.listing import Repo


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
    snapshot: Path
    """The folder of the commit's files in the cache."""
    bytes: int = 0
    """Of all its files."""


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
    confinement: Confinement | None = None
    """Of the process that loaded it; None where an earlier run did."""
    notes: tuple[str, ...] = ()
    """What a user should know of it, a sentence each."""
    looked_for: tuple[tuple[str, str], ...] = ()
    """(repo_id, path) that the classes looked for and the cache does not hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Continued:
    """What a function made of what was loaded."""

    told: Mapping[str, Any]
    """As the process says it: code of a repository may have written it."""
    load_s: float
    peak_rss_bytes: int | None
    """Of the process, when the function had ended; None where the system does not tell."""
    dtype: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Remembered:
    """What earlier runs have found out about an entry as it is now."""

    proof: Proof | None = None
    """Passed, and everything that it depends on is as it was."""
    changed: tuple[str, ...] = ()
    """Why an earlier proof holds no more, such as "transformers was 5.22.0, and is 5.23.0"."""
