"""The settings: flags over variables over ``[settings]`` over defaults. Changes when there is a new setting."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from prewarm.records.confinement import ConfinementMode
from prewarm.records.entry import ProofMode, TransferMode
from prewarm.records.errors import SettingsError
from prewarm.records.speed import ORDINARY, Speed
from prewarm.records.text import quoted

_NUMBER = re.compile(r"[0-9]{1,9}")
_UNITS_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)\s*([smh]?)")
_SPEED = re.compile(r"(\d{1,9}(?:\.\d+)?)\s*(B|kB|MB|GB)/s\s+over\s+(\d{1,9}(?:\.\d+)?\s*[smh]?)")
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,3})?)\s*(B|kB|MB|GB|TB)?")
_BYTES = {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}
MAX_WORKERS = 64
MAX_COUNT = 1000
MAX_DURATION_S = 366 * 86_400.0
MAX_WINDOW_S = 3600.0


LEAST_MEMORY_BYTES = 1_000_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What the user may choose."""

    proof: ProofMode = "load"
    """``load``: load every model offline; ``files``: stop at verified files."""
    workers: int = 8
    """Connections for large files, and as many for small ones."""
    transfer: TransferMode = "auto"
    """How large files come that the Hub has in Xet: ``http``, ``xet``, or ``auto``, which is ``http`` at present."""
    max_wait_s: float = 900.0
    """The longest that one run waits for rate limits, in total."""
    proof_timeout_s: float = 600.0
    """The longest that one entry's proof may take."""
    min_speed: Speed = ORDINARY
    """The least that any answer has to come with; ``"0"``: none does."""
    lock_wait_s: float = 1800.0
    """The longest that another run's download of a file is waited for."""
    discovery_max_repos: int = 8
    """Repositories beyond an entry's own that one load may ask for."""
    discovery_max_bytes: int = 200_000_000_000
    """Bytes of all files that one load may ask for."""
    confinement: ConfinementMode = "strongest"
    """How far the processes that load models are confined: ``"required"`` runs no code of repositories where
    anything is lacking."""
    worker_memory_bytes: int | None = None
    """Memory of one such process; None: from the sizes of its files, and what the machine has."""
    models_dir: str = "models"
    """Where artifacts are made, from the manifest's folder."""
    history: str | None = None
    """The file that keeps what runs find out, from the manifest's folder; None: nothing is kept."""
    min_similarity: float = 0.999
    """The least cosine of what an artifact of less than 32 bits gives, and what the original does."""


def duration_s(text: object) -> float:
    """Seconds of ``90``, ``"90s"``, ``"15m"`` or ``"2h"``.

    Raises:
        ValueError: it is none of these, or longer than a year.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        found = float(text) if abs(text) <= MAX_DURATION_S else MAX_DURATION_S + 1
    else:
        match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
        found = float(match[1]) * _UNITS_S[match[2]] if match else -1.0
    if not found >= 0:
        raise ValueError('expected a duration such as 90, "90s", "15m" or "2h"')
    if found > MAX_DURATION_S:
        raise ValueError("expected a duration of at most a year")
    return found


def speed(text: object) -> Speed:
    """The speed of ``"1 kB/s over 60 s"``; ``"0"`` for none.

    Raises:
        ValueError: it is no such text.
    """
    said = str(text).strip() if isinstance(text, (int, str)) and not isinstance(text, bool) else ""
    if said == "0":
        return Speed(bytes_per_s=0.0, window_s=60.0)
    match = _SPEED.fullmatch(said)
    if match is None or not 0 < (window_s := duration_s(match[3])) <= MAX_WINDOW_S:
        raise ValueError('expected a speed such as "1 kB/s over 60 s", or "0" for none')
    return Speed(bytes_per_s=float(match[1]) * _BYTES[match[2]], window_s=window_s)


def size_bytes(text: object) -> int:
    """Bytes of ``2000`` or ``"1.5 GB"``.

    Raises:
        ValueError: it is none of these.
    """
    match = _SIZE.fullmatch(str(text).strip()) if isinstance(text, (int, str)) and not isinstance(text, bool) else None
    if match is None:
        raise ValueError('expected bytes such as 2000000 or "20 GB"')
    return int(float(match[1]) * _BYTES[match[2] or "B"])


def _count(text: object) -> int:
    number = int(text) if isinstance(text, str) and _NUMBER.fullmatch(text.strip()) else text
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= MAX_COUNT:
        raise ValueError(f"expected a whole number from 0 to {MAX_COUNT}")
    return number


def _choice(words: Any) -> Callable[[object], Any]:
    """What reads one of the words of a ``Literal``."""
    known = get_args(words)
    named = [f'"{word}"' for word in known]

    def read(text: object) -> Any:
        if text not in known:
            raise ValueError(f"expected {', '.join(named[:-1])} or {named[-1]}")
        return text

    return read


def _memory(text: object) -> int:
    found = size_bytes(text)
    if found < LEAST_MEMORY_BYTES:
        raise ValueError('expected at least "1 GB", which the libraries take by themselves')
    return found


def _path(text: object) -> str:
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise ValueError("expected a path")
    return text


def _share(text: object) -> float:
    try:
        found = float(text) if isinstance(text, (str, int, float)) and not isinstance(text, bool) else -1.0
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise ValueError("expected a number from 0 to 1")
    return found


def _workers(text: object) -> int:
    number = int(text) if isinstance(text, str) and _NUMBER.fullmatch(text.strip()) else text
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= MAX_WORKERS:
        raise ValueError(f"expected a whole number from 1 to {MAX_WORKERS}")
    return number


_KEYS: Mapping[str, tuple[str, Callable[[object], Any]]] = {
    "proof": ("proof", _choice(ProofMode)),
    "workers": ("workers", _workers),
    "transfer": ("transfer", _choice(TransferMode)),
    "max_wait": ("max_wait_s", duration_s),
    "proof_timeout": ("proof_timeout_s", duration_s),
    "min_speed": ("min_speed", speed),
    "lock_wait": ("lock_wait_s", duration_s),
    "discovery_max_repos": ("discovery_max_repos", _count),
    "discovery_max_bytes": ("discovery_max_bytes", size_bytes),
    "confinement": ("confinement", _choice(ConfinementMode)),
    "worker_memory": ("worker_memory_bytes", _memory),
    "models_dir": ("models_dir", _path),
    "history": ("history", _path),
    "min_similarity": ("min_similarity", _share),
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
                raise SettingsError(f"{bad}, not {quoted(repr(value), 100)}", place=place) from None
            break
    return Settings(**chosen)


def check_keys(table: Mapping[str, Any]) -> None:
    """Raise SettingsError for a key that is no setting."""
    for key in table:
        if key not in _KEYS:
            raise SettingsError("unknown key", place=f"settings.{key}", hint=nearest(key, list(_KEYS)))


def nearest(key: str, known: list[str], *, called: str = "keys") -> str:
    """A hint that names the known key nearest to ``key``, or all of them.

    Args:
        key: what was written.
        known: what there is.
        called: what they are, in the plural.
    """
    import difflib  # noqa: PLC0415 (for mistakes alone)

    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else f"the {called} are {', '.join(known)}"
