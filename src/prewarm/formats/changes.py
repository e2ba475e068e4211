"""What changes in a lock, for people and as JSON. Changes with what is said of a change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from prewarm.formats import upgrade_tried
from prewarm.formats.document import error_of
from prewarm.formats.failed import help_lines
from prewarm.lock.changes import Change, FileChange
from prewarm.records.sample import UpgradeTried
from prewarm.records.text import harmless, json_document
from prewarm.records.units import plural, size

SCHEMA = 1
_DIFF_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def lines(changes: Sequence[Change], paint: Callable[[str, str], str]) -> list[str]:
    """What is different, an entry after the other; nothing for those that stay.

    Args:
        changes: of the entries.
        paint: gives a text a colour.
    """
    found: list[str] = []
    for change in changes:
        if change.failure is not None:
            found.append(f"{_name(change)}: {paint(change.failure.kind, 'red')}: {change.failure.message}")
            found += help_lines(change.failure.hint, change.failure.kind)
        elif change.is_one:
            found.append(f"{_name(change)}: {_headline(change)}")
            if change.before is not None and change.after is not None:
                found += [f"  {paint(*_mark(file))} {harmless(file.path)}{_sized(file)}" for file in change.files]
                found += [f"  {paint(harmless(said), 'yellow')}" for said in change.terms]
                if change.fetch_bytes:
                    found.append(f"  {size(change.fetch_bytes)} to fetch")
            for code in change.code:
                found += ["", *(f"    {_coloured(line, paint)}" for line in code.diff), ""]
    return found


def document(
    changes: Sequence[Change], *, manifest: Path, lock: Path | None, ok: bool, tried: Sequence[UpgradeTried] = ()
) -> str:
    """The same as JSON, with what samples said of it."""
    told = {
        "schema": SCHEMA,
        "command": "lock",
        "ok": ok,
        "manifest": str(manifest),
        "lock": str(lock) if lock else None,
        "changed": any(change.is_one for change in changes),
        "entries": [_entry(change) for change in changes],
        "tried": [upgrade_tried.as_table(one) for one in tried],
    }
    return json_document(told)


def _entry(change: Change) -> dict[str, Any]:
    def those(has_before: bool, has_after: bool) -> list[dict[str, Any]]:
        found = [file for file in change.files if (bool(file.before), bool(file.after)) == (has_before, has_after)]
        return [{"repo": file.repo_id, "path": file.path, "bytes": _bytes(file)} for file in found]

    failure = change.failure
    return {
        "id": change.entry.id,
        "revision": change.entry.revision,
        "before": change.before.commit if change.before else None,
        "after": change.after.commit if change.after else None,
        "changed": change.is_one,
        "added": those(False, True),
        "changed_files": those(True, True),
        "removed": those(True, False),
        "terms": list(change.terms),
        "fetch_bytes": change.fetch_bytes,
        "code": [{"repo": code.repo_id, "path": code.path, "diff": "\n".join(code.diff)} for code in change.code],
        "error": error_of(failure) if failure else None,
    }


def _headline(change: Change) -> str:
    before, after = change.before, change.after
    if after is None:
        # What goes is named by what was locked of it, since the manifest has no entry for it.
        goes = before is not None and before.entry is change.entry
        return "no longer in the manifest" if goes else "not locked"
    if before is None:
        total = sum(file.size for _, file in after.files)
        code = [file.path for _, file in after.files if file.code_sha256]
        brings = f", with code that will be run: {', '.join(code)}" if code else ""
        return f"new, at {after.commit[:7]}: {plural(len(after.files), 'file')}, {size(total)}{brings}"
    if before.commit == after.commit:
        return f"at {after.commit[:7]} as before"
    return f"{before.commit[:7]} → {after.commit[:7]}"


def _name(change: Change) -> str:
    revision = change.entry.revision
    return change.entry.id if revision == "main" else f"{change.entry.id}@{revision[:12]}"


def _mark(file: FileChange) -> tuple[str, str]:
    if file.before is None:
        return "+", "green"
    return ("-", "red") if file.after is None else ("~", "yellow")


def _sized(file: FileChange) -> str:
    return f"  {size(_bytes(file))}" if file.after is not None else ""


def _bytes(file: FileChange) -> int:
    shown = file.after or file.before
    return shown.size if shown is not None else 0


def _coloured(line: str, paint: Callable[[str, str], str]) -> str:
    colour = _DIFF_COLOURS.get(line[:1])
    return paint(line, colour) if colour else line
