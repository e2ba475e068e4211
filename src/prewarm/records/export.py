"""What an artifact is to be, and what came of it. Changes with its keys, and with what is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from prewarm.records.failure import Failure

ExportFormat = Literal["onnx", "files"]
Layout = Literal["plain", "oracle"]
Precision = Literal["float32", "float16", "int8"]
ExportTask = Literal[
    "feature-extraction",
    "text-classification",
    "token-classification",
    "question-answering",
    "fill-mask",
    "image-classification",
    "object-detection",
    "zero-shot-image-classification",
    "text-generation",
    "text2text-generation",
    "automatic-speech-recognition",
]
ArtifactStatus = Literal["whole", "made", "missing", "stale", "failed"]
"""``whole``: it is there, as the lock has it; ``stale``: it is there, and something of it is not what it should be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OracleEnvironment:
    """The environment that Oracle's model deployment runs ``score.py`` in."""

    environment_path: str
    """Of the packed environment in object storage: ``oci://bucket@namespace/…``."""
    slug: str
    """The short name of that environment."""
    type: Literal["published", "data_science"]
    """``data_science``: one of Oracle's own; ``published``: the user's."""
    python: str
    """Its version, such as 3.12."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """What to make of an entry: ``[advanced.export]``."""

    format: ExportFormat = "onnx"
    """``files``: the planned files as they are."""
    task: ExportTask | None = None
    """What the graph does; None: from the entry's task, or its class and configuration."""
    output_dir: str | None = None
    """From the manifest's folder; None: the entry's name, or the last part of its id, in the settings' models_dir."""
    max_length: int | None = None
    """Tokens; None: the model's own maximum, at most 8,192, 2,048 where text is generated."""
    opset: int | None = None
    """Of ONNX; None: what the exporter takes by itself."""
    dtype: Precision = "float32"
    """``"float16"`` and ``"int8"`` are smaller, and compared by their cosine (``min_similarity``)."""
    check_files: tuple[str, ...] = ()
    """Files that have to be there, beside those that ``prewarm.json`` names."""
    layout: Layout = "plain"
    """``"oracle"``: with ``score.py`` and ``runtime.yaml``, as Oracle's model deployment takes it."""
    oracle: OracleEnvironment | None = None
    """For ``layout = "oracle"``: the environment that it runs in."""
    place: str = "export"
    """Where it stands in the manifest, for messages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """How far a graph agrees with the original, on inputs that it was not traced with."""

    difference: float
    """The greatest, over the greatest value of the original."""
    similarity: float | None
    """The least cosine of what it gives for one input and what the original does."""
    cases: int
    """Inputs that were compared: batches of several sizes and lengths, padded and not."""
    longest: int | None
    """Tokens of the longest of them; None where there are none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """What came of one entry's export."""

    id: str
    folder: Path
    required: bool
    status: ArtifactStatus
    task: str | None = None
    opset: int | None = None
    bytes: int | None = None
    """Of all files in the folder."""
    elapsed_s: float = 0.0
    agreement: Agreement | None = None
    reasons: tuple[str, ...] = ()
    """Why it is missing or stale, a phrase each."""
    notes: tuple[str, ...] = ()
    """What a user should know of it, a sentence each."""
    failure: Failure | None = None

    @property
    def is_there(self) -> bool:
        """Whether it can be taken as it lies there."""
        return self.status in ("whole", "made")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportReport:
    """What came of an export."""

    artifacts: tuple[Artifact, ...]
    manifest: Path
    elapsed_s: float

    @property
    def ok(self) -> bool:
        """Whether every required entry's artifact is there."""
        return all(one.is_there for one in self.artifacts if one.required)
