"""What the user has configured of the Hub, as huggingface_hub reads it. Imports no HTTP library."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from prewarm.hub import variables

try:
    from huggingface_hub import constants
except ValueError as error:
    # Of what is known to be wrong it can be said better what it is.
    variables.check(os.environ)
    raise variables.unreadable(error, os.environ) from None


def endpoint() -> str:
    """The Hub's address, from ``HF_ENDPOINT``, without the credentials that may stand in it."""
    url = str(constants.ENDPOINT).rstrip("/")
    scheme, dots, rest = url.partition("://")
    netloc, slash, path = rest.partition("/")
    return f"{scheme}{dots}{netloc.rpartition('@')[2]}{slash}{path}"


def credentials() -> str | None:
    """The ``Authorization`` that ``user:pass@`` in ``HF_ENDPOINT`` means; None without it."""
    parts = urlsplit(str(constants.ENDPOINT))
    if parts.username is None:
        return None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def offline_variable() -> str:
    """The variable that forbids to ask the Hub; empty where none does."""
    if not constants.HF_HUB_OFFLINE:
        return ""
    return "HF_HUB_OFFLINE" if os.environ.get("HF_HUB_OFFLINE") else "TRANSFORMERS_OFFLINE"


def makes_links() -> bool:
    """Whether files are shown by symlinks, as far as the user has a say (``HF_HUB_DISABLE_SYMLINKS``)."""
    return not getattr(constants, "HF_HUB_DISABLE_SYMLINKS", False)


def home() -> Path:
    """The folder for all that is not the cache itself, from ``HF_HOME``."""
    return Path(constants.HF_HOME).absolute()


def cache_root() -> Path:
    """The cache's folder, from ``HF_HUB_CACHE`` or ``HF_HOME``."""
    return Path(constants.HF_HUB_CACHE).absolute()


def modules_root() -> Path:
    """Where transformers copies code of repositories to, before it runs it, from ``HF_MODULES_CACHE``."""
    return Path(os.environ.get("HF_MODULES_CACHE") or home() / "modules").absolute()
