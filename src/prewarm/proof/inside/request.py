"""What the worker is asked for, and how it refuses. Changes with what a proof has to know. Standard library only."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from prewarm.worker.refused import Refused


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request, as it stands in its file."""

    do: Literal["inspect", "load", "discover"]
    id: str
    revision: str
    model_class: str | None
    """None: load no model."""
    named_class: str | None
    """The class that the manifest names."""
    named_processor: str | None
    trust_remote_code: bool
    code_revision: str | None
    subfolder: str
    variant: str | None
    dtype: str | None
    use_safetensors: bool | None
    config_repo: str
    config_commit: str
    config_path: str | None
    code_commit: str | None
    is_adapter: bool
    processor: str | None
    """None: load no processor."""
    processor_repo: str
    processor_subfolder: str
    vocabulary: str | None
    task: str | None = None
    """What ``transformers.pipeline`` is called with."""
    model_args: list[Any] | None = None
    """In the place of the id."""
    snapshot: str = ""
    """The folder of the entry's files."""
    then: str | None = None
    """``package.module:function`` that is called with what was loaded; what it gives is part of the answer."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """What that function is given beside it."""
    model_kwargs: Mapping[str, Any] = field(default_factory=dict)
    processor_kwargs: Mapping[str, Any] = field(default_factory=dict)

    def config(self) -> dict[str, Any]:
        """The model's configuration; empty where it has none."""
        if self.config_path is None:
            return {}
        content = json.loads(Path(self.config_path).read_text(encoding="utf-8"))
        return content if isinstance(content, dict) else {}

    def is_quantised(self) -> bool:
        """Whether its weights are of a kind that a package or a device of its own has to read."""
        with contextlib.suppress(OSError, ValueError):
            return bool(self.config().get("quantization_config"))
        return False

    def toml(self, *lines: str, model_class: str | None = None) -> str:
        """The entry to paste, with ``lines`` at its end."""
        given = [f'id = "{self.id}"']
        if self.revision != "main":
            given.append(f'revision = "{self.revision}"')
        if self.task and not model_class:
            given.append(f'task = "{self.task}"')
        if model_class or self.named_class:
            given.append(f'model_class = "{model_class or self.named_class}"')
        set_too = {"subfolder": self.subfolder, "variant": self.variant, "dtype": self.dtype}
        given += [f'{key} = "{value}"' for key, value in set_too.items() if value]
        return "\n".join(["[[advanced]]", *given, *lines])


def needs_remote_code(request: Request) -> Refused:
    """The refusal of a repository that wants to run Python code of its own."""
    lines = ["trust_remote_code = true"]
    named = [name for name in request.config().get("auto_map") or {} if name.startswith("AutoModel")]
    other = named[0] if named and "AutoModel" not in named and not request.named_class else None
    return Refused(
        "needs-remote-code",
        f"{request.id} is loaded by Python code of its own, which nobody has allowed",
        f"read the repository's .py files; if you trust them, write:\n{request.toml(*lines, model_class=other)}",
    )
