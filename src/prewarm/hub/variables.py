"""What in the environment keeps the Hub from being asked, told before anything is done. Changes with those variables.

The HTTP client, huggingface_hub and OpenSSL read them, and fail on a wrong one in words of their own, or with a trace.
Imports none of them: it runs before every command.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from prewarm.records.errors import SettingsError
from prewarm.records.text import quoted

TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
_SECONDS = ("HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT")
_HOST_MAX = 253
_LABEL_MAX = 63


def check(environ: Mapping[str, str]) -> None:
    """Raise SettingsError for the first variable that cannot be what it is meant to be."""
    _check_endpoint(environ.get("HF_ENDPOINT"))
    for name, value in environ.items():
        if name.lower() in _PROXIES and value:
            _check_proxy(name, value)
    for name in _SECONDS:
        if value := environ.get(name, "").strip():
            _check_seconds(name, value)
    for name in TOKENS:
        check_token(environ.get(name) or "", place=name)
    if path := environ.get("SSL_CERT_FILE"):
        _check_certificates(Path(path))


def check_token(token: str, *, place: str) -> None:
    """Raise SettingsError where ``token``, which stands in ``place``, can be none."""
    token = token.strip()
    if token and not (token.isascii() and token.isprintable() and not set(token) & set(" \"'`")):
        raise SettingsError(
            "holds characters that no token has, such as quotes or spaces",
            place=place,
            hint="copy it anew from your settings on the Hub, without quotes: export HF_TOKEN=hf_…",
        )


def unreadable(error: ValueError, environ: Mapping[str, str]) -> SettingsError:
    """What huggingface_hub's refusal to be imported means: a variable of it that is no number, most likely."""
    said = str(error)
    named = [name for name, value in environ.items() if name.startswith("HF_") and value and repr(value) in said]
    return SettingsError(
        f"huggingface_hub cannot read it: {quoted(said)}",
        place=named[0] if named else "the variables HF_…",
        hint="write a whole number, such as 30, or unset it",
    )


def _check_endpoint(value: str | None) -> None:
    if value is None:
        return
    fault = ""
    if not value.strip():
        fault = "is empty"
    elif value != value.strip() or any(one.isspace() or not one.isprintable() for one in value):
        fault = "has spaces or control characters in it"
    elif (found := _address_fault(value, ("http", "https"))) or "?" in value or "#" in value:
        fault = found or "has a query or a fragment"
    if fault:
        raise SettingsError(
            f"{fault}: {quoted(value, 100)!r}" if value.strip() else fault,
            place="HF_ENDPOINT",
            hint="write an address such as https://huggingface.co, or unset it",
        )


def _check_proxy(name: str, value: str) -> None:
    address = value if "://" in value else f"http://{value}"
    fault = _address_fault(address, _PROXY_SCHEMES)
    if any(one.isspace() or not one.isprintable() for one in value):
        fault = "has spaces or control characters in it"
    if fault:
        hint = "write an address such as http://proxy.example.com:3128"
        if "scheme" in fault and address.startswith("socks"):
            hint = "write socks5://host:port, or an address such as http://proxy.example.com:3128"
        raise SettingsError(f"{fault}: {quoted(value, 100)!r}", place=name, hint=f"{hint}, or unset it")
    if address.lower().startswith("socks5") and importlib.util.find_spec("socksio") is None:
        raise SettingsError("names a SOCKS proxy, and a package is missing", place=name, hint="pip install socksio")


def _address_fault(address: str, schemes: tuple[str, ...]) -> str:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "is no address"
    if parts.scheme not in schemes or not address.lower().startswith(f"{parts.scheme}://"):
        return f"has no scheme that is known ({', '.join(schemes)})"
    if not host or not _is_host(host):
        return "names no host"
    return "has port 0" if port == 0 else ""


def _is_host(host: str) -> bool:
    if ":" in host:
        # An IPv6 address in brackets, which urlsplit has looked at.
        return True
    labels = host.rstrip(".").split(".")
    is_short = len(host) <= _HOST_MAX and all(0 < len(label) <= _LABEL_MAX for label in labels)
    return is_short and not set(host) & set(" \"'<>\\^`{|}%,;()")


def _check_seconds(name: str, value: str) -> None:
    if not value.isascii() or not value.isdecimal() or not 1 <= int(value[:10]) <= 86_400:
        raise SettingsError(
            f"is no number of seconds from 1 to 86400: {quoted(value, 100)!r}", place=name, hint="write 30, or unset it"
        )


def _check_certificates(path: Path) -> None:
    fault = ""
    if path.is_dir():
        fault = "is a folder"
    elif not path.exists():
        fault = "is not there"
    else:
        # OpenSSL reads it whole where a connection is made; to do so here would cost a check a third of its time.
        try:
            fault = "" if b"-----BEGIN " in path.read_bytes() else "holds no certificate in PEM"
        except OSError as error:
            fault = f"cannot be read ({error.strerror})"
    if fault:
        raise SettingsError(
            f"{quoted(path, 200)} {fault}",
            place="SSL_CERT_FILE",
            hint="name a file of certificates (PEM), or unset it",
        )
