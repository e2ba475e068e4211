"""The user's token, found as huggingface_hub finds it. Changes with where a token may be."""

from __future__ import annotations

import os
from pathlib import Path

from huggingface_hub import constants, get_token

from prewarm.hub import variables
from prewarm.hub.transport_errors import first_line
from prewarm.records.errors import SettingsError


def token() -> str | None:
    """The user's token, found as huggingface_hub finds it; None without one.

    Raises:
        SettingsError: there is one that cannot be had, read or sent.
    """
    if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
        return None
    path = str(constants.HF_TOKEN_PATH)
    try:
        found = get_token()
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or "it is no text"
        raise SettingsError(f"the token cannot be read: {said}", place=path, hint="look at HF_HOME") from None
    except Exception as error:  # noqa: BLE001 (an exchange of tokens that huggingface_hub does by itself)
        raise SettingsError(
            f"no token can be had: {first_line(error)}",
            place="HF_OIDC_RESOURCE",
            hint="it is for CI jobs that have an identity of their own: unset it elsewhere, and set HF_TOKEN",
        ) from None
    variables.check_token(found or "", place=path)
    return found


def known_token() -> str | None:
    """The token that stands in a variable or a file: the user's, without asking anybody for one."""
    for name in variables.TOKENS:
        if found := os.environ.get(name, "").strip():
            return found
    try:
        return Path(constants.HF_TOKEN_PATH).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
