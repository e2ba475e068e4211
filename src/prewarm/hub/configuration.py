"""What the user has configured of the Hub, as huggingface_hub reads it. Imports no HTTP library."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import constants


def endpoint() -> str:
    """The Hub's address, from ``HF_ENDPOINT``."""
    return str(constants.ENDPOINT).rstrip("/")


def home() -> Path:
    """The folder for all that is not the cache itself, from ``HF_HOME``."""
    return Path(constants.HF_HOME).absolute()


def cache_root() -> Path:
    """The cache's folder, from ``HF_HUB_CACHE`` or ``HF_HOME``."""
    return Path(constants.HF_HUB_CACHE).absolute()
