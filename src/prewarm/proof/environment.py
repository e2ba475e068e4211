"""The environment that models are loaded in. Changes with the variables that the libraries read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_SECRETS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN", "HF_OIDC_RESOURCE", "HF_OIDC_ID_TOKEN")
_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "DISABLE_SAFETENSORS_CONVERSION": "1",
    "USE_HUB_KERNELS": "NO",
    "PYTHONFAULTHANDLER": "1",
}


def worker_environment(environ: Mapping[str, str], *, token: str | None, cache: Path, nowhere: Path) -> dict[str, str]:
    """The user's environment, offline and without the token.

    Args:
        environ: the user's.
        token: removed wherever it stands in a value.
        cache: where the models are.
        nowhere: a path without a file, in the place of the file that holds the token.
    """
    kept = {name: value for name, value in environ.items() if name not in _SECRETS and not (token and token in value)}
    return {**kept, **_OFFLINE, "HF_HUB_CACHE": str(cache), "HF_TOKEN_PATH": str(nowhere)}
