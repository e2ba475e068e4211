"""``[audit]`` of a manifest: findings that are accepted. Changes when it gets a new key."""

from __future__ import annotations

from datetime import date, datetime

from prewarm.manifest import values
from prewarm.manifest.settings import nearest
from prewarm.records.entry import Ignored
from prewarm.records.errors import ManifestError

_KEYS = ["id", "reason", "until"]
_EXAMPLE = 'ignore = [{ id = "CVE-2024-1", reason = "its parser is not used", until = 2027-01-31 }]'


def read_ignored(table: object, place: str) -> tuple[Ignored, ...]:
    """The findings that are accepted.

    Args:
        table: ``[audit]``.
        place: where it stands, for messages.

    Raises:
        ManifestError: anything in it is wrong.
    """
    if not isinstance(table, dict):
        raise values.wrong_type(place, "a table", table, hint=_EXAMPLE)
    for key in table:
        if key != "ignore":
            raise ManifestError("unknown key", place=f"{place}.{key}", hint=nearest(key, ["ignore"]))
    found = values.items(table.get("ignore", []), f"{place}.ignore", "a list of tables")
    ignored = [_read(item, f"{place}.ignore[{at}]") for at, item in enumerate(found)]
    seen: dict[str, Ignored] = {}
    for one in ignored:
        if one.id in seen:
            raise ManifestError(f"'{one.id}' is also {seen[one.id].place}", place=one.place, hint="keep one of the two")
        seen[one.id] = one
    return tuple(ignored)


def _read(item: object, place: str) -> Ignored:
    if not isinstance(item, dict):
        raise values.wrong_type(place, "a table", item, hint=_EXAMPLE)
    for key in item:
        if key not in _KEYS:
            raise ManifestError("unknown key", place=f"{place}.{key}", hint=nearest(key, _KEYS))
    for key in ("id", "reason"):
        if key not in item:
            raise ManifestError(f"there is no {key}", place=place, hint=_EXAMPLE)
    until = item.get("until")
    return Ignored(
        id=values.text(item["id"], f"{place}.id"),
        reason=values.text(item["reason"], f"{place}.reason"),
        until=None if until is None else _day(until, f"{place}.until"),
        place=place,
    )


def _day(value: object, place: str) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(values.text(value, place))
    except (ManifestError, ValueError):
        raise ManifestError(f"{value!s:.40} is no day", place=place, hint="until = 2027-01-31") from None
