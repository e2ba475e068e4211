"""The environment that models are loaded in. Changes with the variables that the libraries read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from prewarm.records.text import without_credentials

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


def worker_environment(environ: Mapping[str, str], *, token: str | None, cache: Path, folder: Path) -> dict[str, str]:
    """The user's environment, offline, without the token, and without the credentials of addresses.

    Args:
        environ: the user's.
        token: removed wherever it stands in a value.
        cache: where the models are.
        folder: the process's own: it holds no token, and takes what transformers copies of repositories' code, so that
            nothing runs that was copied earlier.
    """
    kept = {
        name: without_credentials(value)
        for name, value in environ.items()
        if name not in _SECRETS and not (token and token in value)
    }
    return {
        **kept,
        **_OFFLINE,
        "HF_HUB_CACHE": str(cache),
        "HF_TOKEN_PATH": str(folder / "no-token"),
        "HF_MODULES_CACHE": str(folder / "modules"),
        "HF_DATASETS_CACHE": str(folder / "datasets"),
    }
