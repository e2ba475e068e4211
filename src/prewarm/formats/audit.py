"""An audit for people: what is known of each entry, then the findings. Changes with what is said of them."""

from __future__ import annotations

from collections.abc import Callable

from prewarm.records.audit import AuditedEntry, AuditReport, CodeFile, Finding
from prewarm.records.text import harmless
from prewarm.records.units import duration, plural, size

_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}
_SHOWN = 8


def lines(report: AuditReport, paint: Callable[[str, str], str], *, quiet: bool, verbose: bool) -> list[str]:
    """The lines.

    Args:
        report: what was found.
        paint: gives a text a colour.
        quiet: only what counts.
        verbose: with each package, and what is accepted.
    """
    if quiet:
        return [line for finding in report.findings if finding.counts for line in _finding(finding, paint)]
    told = [line for entry in report.entries for line in _entry(entry, paint)]
    told += _environment(report, verbose=verbose)
    shown = [finding for finding in report.findings if verbose or finding.ignored is None]
    told += [line for finding in shown for line in ["", *_finding(finding, paint)]]
    return [*told, "", _total(report, paint)]


def _entry(one: AuditedEntry, paint: Callable[[str, str], str]) -> list[str]:
    if one.commit is None:
        return [f"{one.entry.id}  neither locked nor in the cache: nothing to look at (try: prewarm)"]
    told = [f"{one.entry.id}  {one.commit[:7]}"]
    for repo_id, license_ in one.licenses.items():
        of = "" if repo_id == one.entry.id else f" ({repo_id})"
        told.append(f"  license   {license_ or 'none named'}{', gated' if repo_id in one.gated else ''}{of}")
    weights = [f"{weight.format} {size(weight.bytes)} in {plural(weight.files, 'file')}" for weight in one.formats]
    told.append(f"  weights   {', '.join(weights) or 'none'}")
    told += [f"  code      {_code(file)}" for file in one.code]
    if one.not_installed:
        told.append(f"  imports   {harmless(', '.join(one.not_installed))}: not installed")
    if one.not_there:
        said = f"{plural(one.not_there, 'file')} not in the cache, and not looked into"
        told.append(f"  {paint('missing', 'yellow')}   {said} (try: prewarm)")
    for repo_id in one.unlisted:
        told.append(f"  variants  what else {repo_id} has is not known here (prewarm lock --upgrade asks)")
    return told


def _code(file: CodeFile) -> str:
    said = [file.state, "runs" if file.runs else "does not run", file.sha256[:8]]
    imports = f"; imports {', '.join(file.packages)}" if file.packages else ""
    return harmless(f"{file.path} ({', '.join(filter(None, said))}){imports}")


def _environment(report: AuditReport, *, verbose: bool) -> list[str]:
    asked = [package for package in report.packages if not package.not_asked]
    count = plural(len(report.packages), "package")
    who = f"{len(asked)} of {count} that the entries import, asked of {report.asked}"
    told = ["", who if report.asked else f"{count} that the entries import, and nobody was asked what is known of them"]
    if verbose:
        for package in report.packages:
            known = ", ".join(package.advisories) or package.not_asked or "nothing known"
            told.append(f"  {package.name} {package.version}  {known}")
    return told


def _finding(finding: Finding, paint: Callable[[str, str], str]) -> list[str]:
    told = [f"{paint(finding.level, _COLOURS[finding.level])}: {harmless(finding.message)}"]
    if finding.package and finding.entries:
        more = f" and {len(finding.entries) - _SHOWN} more" if len(finding.entries) > _SHOWN else ""
        told.append(f"  imported by {', '.join(finding.entries[:_SHOWN])}{more}")
    if finding.ignored is not None:
        until = f" until {finding.ignored.until}" if finding.ignored.until else ""
        told.append(f"  accepted{until}: {finding.ignored.reason}")
    elif finding.hint:
        told.append(f"  try: {finding.hint}")
    if finding.level != "note":
        told.append(f"  id: {finding.id}")
    return told


def _total(report: AuditReport, paint: Callable[[str, str], str]) -> str:
    counted = [finding for finding in report.findings if finding.counts]
    errors = sum(finding.level == "error" for finding in counted)
    accepted = sum(finding.ignored is not None for finding in report.findings)
    said = f"{plural(errors, 'error')}, {plural(len(counted) - errors, 'warning')}"
    said += f", {accepted} accepted" if accepted else ""
    total = f"{said} in {plural(len(report.entries), 'entry')}, {duration(report.elapsed_s)}"
    return paint(total, "green" if report.ok else "red")
