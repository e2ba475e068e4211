"""Signs a bundle, and compares a signature: the OpenSSF's standard for models. Changes with model-signing."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from prewarm.records.errors import BundleError

SUFFIX = ".sig"
"""A signature lies beside its bundle."""
_EXTRA = "pip install 'hf-prewarm[sign]'"


def sign(bundle: Path, key: Path) -> Path:
    """Write the signature of a bundle beside it, and give its path.

    Args:
        bundle: the file.
        key: a private key, P-256 in PEM.

    Raises:
        BundleError: the key is none, or the package is not there.
    """
    target = bundle.with_name(bundle.name + SUFFIX)
    with _told(f"{bundle} cannot be signed with {key}"):
        from model_signing.signing import Config  # noqa: PLC0415 (an extra)

        Config().use_elliptic_key_signer(private_key=key).sign(bundle, target)
    return target


def verify(bundle: Path, signature: Path, key: Path) -> None:
    """Compare a bundle with its signature; nothing of it is opened before.

    Args:
        bundle: the file.
        signature: as ``sign`` wrote it.
        key: the public key, P-256 in PEM.

    Raises:
        BundleError: it is not the signature of this file by this key, or the package is not there.
    """
    if not signature.is_file():
        raise BundleError(
            f"there is no signature at {signature}", hint="copy it along; it is made by: prewarm bundle --sign"
        )
    with _told(f"{signature} is no signature of {bundle} by {key}"):
        from model_signing.verifying import Config  # noqa: PLC0415 (an extra)

        Config().use_elliptic_key_verifier(public_key=key).verify(bundle, signature)


@contextlib.contextmanager
def _told(said: str) -> Iterator[None]:
    logging.getLogger("model_signing").setLevel(logging.CRITICAL)
    try:
        yield
    except ImportError as error:
        raise BundleError(f"{said}: {error.name or 'model-signing'} is not installed", hint=_EXTRA) from None
    except Exception as error:  # noqa: BLE001 (told below)
        # The library's and its libraries' errors have no root of their own.
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise BundleError(f"{said}: {reason}", hint="nothing of it was opened; ask whoever has signed it") from None
