"""All findings of an audit in their order, less what the manifest accepts. Changes with what is made of a finding."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

from prewarm.audit.advisories import Advisory, Answers
from prewarm.records.audit import Finding, Level
from prewarm.records.entry import Ignored
from prewarm.records.errors import AuditError

_ORDER: Mapping[Level, int] = {"error": 0, "warning": 1, "note": 2}


def of_packages(
    packages: Mapping[str, str], answers: Answers | AuditError | None, importers: Mapping[str, Collection[str]]
) -> Iterator[Finding]:
    """What is known of packages, and what nobody could say.

    Args:
        packages: name to version.
        answers: of who was asked; an error: nobody answered; None: nobody was asked.
        importers: package to the ids of the entries that import it, themselves or through another.
    """
    if isinstance(answers, AuditError):
        yield Finding(
            rule="not-audited", id="not-audited", level="error", message=answers.message, entries=(), hint=answers.hint
        )
        return
    if answers is None:
        return
    for name, advisories in answers.known.items():
        for advisory in advisories:
            yield _of_advisory(name, packages[name], advisory, tuple(sorted(importers.get(name, ()))))
    for name, reason in answers.not_asked.items():
        yield Finding(
            rule="not-audited",
            id=f"not-audited:{name}",
            level="warning",
            message=f"nobody could say what is known of {name} {packages[name]}: {reason}",
            entries=tuple(sorted(importers.get(name, ()))),
            package=name,
            hint="look it up where it comes from; what you accept belongs into [audit] ignore",
        )


def _of_advisory(name: str, version: str, advisory: Advisory, entries: tuple[str, ...]) -> Finding:
    fixed = f" (mended in {', '.join(advisory.fixed_in)})" if advisory.fixed_in else " (no version mends it yet)"
    return Finding(
        rule="vulnerability",
        id=advisory.id,
        level="error",
        message=f"{name} {version}: {advisory.said}{fixed}",
        entries=entries,
        package=name,
        hint=f"pip install '{name}>={advisory.fixed_in[0]}'" if advisory.fixed_in else "",
        aliases=advisory.aliases,
    )


def settled(found: Sequence[Finding], ignored: Sequence[Ignored], today: date) -> tuple[Finding, ...]:
    """Each finding once, with what the manifest says of it; and what it says to no purpose."""
    once: dict[str, Finding] = {}
    for finding in found:
        key = f"{finding.id} {finding.package}"
        known = once.get(key)
        entries = dict.fromkeys([*(known.entries if known else ()), *finding.entries])
        once[key] = replace(finding, entries=tuple(entries))
    holding = [one for one in ignored if one.until is None or today <= one.until]
    by_id = {one.id: one for one in holding}
    told = []
    used: set[str] = set()
    for finding in once.values():
        named = next((by_id[id_] for id_ in (finding.id, *finding.aliases) if id_ in by_id), None)
        used |= {named.id} if named else set()
        told.append(replace(finding, ignored=named) if finding.level != "note" else finding)
    ids = {id_ for finding in once.values() for id_ in (finding.id, *finding.aliases)}
    told += _of_ignored(ignored, holding, used, ids)
    return tuple(sorted(told, key=lambda one: (one.ignored is not None, _ORDER[one.level], one.rule, one.id)))


def _of_ignored(
    ignored: Sequence[Ignored], holding: Sequence[Ignored], used: Collection[str], ids: Collection[str]
) -> Iterator[Finding]:
    for one in ignored:
        if one not in holding and one.id in ids:
            said = f"{one.id} was accepted until {one.until}: {one.reason}"
            yield Finding(rule="ignore-expired", id=f"ignore-expired:{one.id}", level="note", message=said)
        elif one.id not in used:
            said = f"{one.place} accepts {one.id}, which is not found: take it out"
            yield Finding(rule="ignore-unused", id=f"ignore-unused:{one.id}", level="note", message=said)
