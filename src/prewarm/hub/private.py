"""What is used of huggingface_hub that is not public. Changes with huggingface_hub; a test notices when it does."""

from __future__ import annotations

from huggingface_hub.utils import _http


def has_client_factory() -> bool:
    """Whether the user has given huggingface_hub a client of their own (``set_client_factory``); if in doubt, yes."""
    used = getattr(_http, "_GLOBAL_CLIENT_FACTORY", None)
    return used is None or used is not getattr(_http, "default_client_factory", None)
