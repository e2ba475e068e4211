"""The settings: flags over variables over ``[settings]`` over defaults. Changes when there is a new setting."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from prewarm.records.entry import ProofMode, TransferMode
from prewarm.records.errors import SettingsError

_UNITS_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smh]?)")
MAX_WORKERS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What the user may choose."""

    proof: ProofMode = "load"
    """``load``: load every model offline; ``files``: stop at verified files."""
    workers: int = 8
    """Connections for files."""
    transfer: TransferMode = "auto"
    """How large files come that the Hub has in Xet: ``http``, ``xet``, or ``auto``, which is ``http`` at present."""
    max_wait_s: float = 900.0
    """The longest that one run waits for rate limits, in total, in seconds."""
    proof_timeout_s: float = 600.0
    """The longest that one entry's proof may take, in seconds."""


def duration_s(text: object) -> float:
    """Seconds of ``90``, ``"90s"``, ``"15m"`` or ``"2h"``.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool) and text >= 0:
        return float(text)
    match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError('expected a duration such as 90, "90s", "15m" or "2h"')
    return float(match[1]) * _UNITS_S[match[2]]


def _proof(text: object) -> ProofMode:
    if text not in get_args(ProofMode):
        raise ValueError('expected "load" or "files"')
    return cast("ProofMode", text)


def _transfer(text: object) -> TransferMode:
    if text not in get_args(TransferMode):
        raise ValueError('expected "auto", "http" or "xet"')
    return cast("TransferMode", text)


def _workers(text: object) -> int:
    number = int(text) if isinstance(text, str) and text.strip().isdecimal() else text
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= MAX_WORKERS:
        raise ValueError(f"expected a whole number from 1 to {MAX_WORKERS}")
    return number


_KEYS: Mapping[str, tuple[str, Callable[[object], Any]]] = {
    "proof": ("proof", _proof),
    "workers": ("workers", _workers),
    "transfer": ("transfer", _transfer),
    "max_wait": ("max_wait_s", duration_s),
    "proof_timeout": ("proof_timeout_s", duration_s),
}
"""Key in the manifest, to the field and its parser; flags are ``--max-wait``, variables ``PREWARM_MAX_WAIT``."""


def resolve(table: Mapping[str, Any], environ: Mapping[str, str], flags: Mapping[str, Any]) -> Settings:
    """Settle every setting.

    Args:
        table: the manifest's ``[settings]``.
        environ: the process's environment.
        flags: by key; None where the flag was not given.

    Raises:
        SettingsError: an unknown key, or a value that a setting cannot have.
    """
    check_keys(table)
    chosen: dict[str, Any] = {}
    for key, (field, parse) in _KEYS.items():
        variable = f"PREWARM_{key.upper()}"
        for place, value in (
            (f"--{key.replace('_', '-')}", flags.get(key)),
            (variable, environ.get(variable) or None),
            (f"settings.{key}", table.get(key)),
        ):
            if value is None:
                continue
            try:
                chosen[field] = parse(value)
            except ValueError as bad:
                raise SettingsError(f"{bad}, not {value!r}", place=place) from None
            break
    return Settings(**chosen)


def check_keys(table: Mapping[str, Any]) -> None:
    """Raise SettingsError for a key that is no setting."""
    for key in table:
        if key not in _KEYS:
            raise SettingsError("unknown key", place=f"settings.{key}", hint=nearest(key, list(_KEYS)))


def nearest(key: str, known: list[str]) -> str:
    """A hint that names the known key nearest to ``key``, or all of them."""
    import difflib  # noqa: PLC0415 (for mistakes alone)

    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else f"the keys are {', '.join(known)}"
