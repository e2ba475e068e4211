"""An audit as SARIF 2.1.0, for code scanning. Changes with what services read of it.

The format is docs.oasis-open.org/sarif/sarif/v2.1.0. A finding is shown at its entry's line of the manifest, since what
is found lies in no file of the project; where it lies is its logical location.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prewarm.records.audit import AuditReport, Finding, Rule
from prewarm.records.text import json_document

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_HELP: dict[Rule, str] = {
    "unsafe-file": "A file runs something as it is opened",
    "changed-code": "Code is not what was locked and reviewed",
    "unreadable-code": "Code that cannot be read as Python",
    "code-network": "Code of a repository can reach the network",
    "code-process": "Code of a repository can start other programs",
    "code-eval": "Code of a repository can run code that is not in it",
    "code-write": "Code of a repository can write or remove files",
    "safer-variant": "Pickled weights, where the repository has safetensors",
    "smaller-variant": "The repository has smaller weights",
    "vulnerability": "An installed package has a known vulnerability",
    "not-audited": "Nobody could say what is known of a package",
    "ignore-expired": "A finding was accepted until a day that has passed",
    "ignore-unused": "A finding is accepted that is not there",
}


def render(report: AuditReport, folder: Path) -> str:
    """The document's text.

    Args:
        report: what was found.
        folder: of the project: what paths are relative to.
    """
    uri = _uri(report.manifest, folder)
    text = report.manifest.read_text(encoding="utf-8").splitlines()
    used = list(dict.fromkeys(finding.rule for finding in report.findings))
    run = {
        "tool": {
            "driver": {
                "name": "prewarm",
                "version": report.versions["prewarm"],
                "rules": [{"id": rule, "shortDescription": {"text": _HELP[rule]}} for rule in used],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, used.index(finding.rule), uri, text) for finding in report.findings],
    }
    return json_document({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _result(finding: Finding, rule: int, uri: str, manifest: list[str]) -> dict[str, Any]:
    where = finding.path or finding.package
    said = f"{finding.message}\n{finding.hint}" if finding.hint else finding.message
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": uri},
            "region": {"startLine": _line(finding, manifest)},
        }
    }
    if where:
        location["logicalLocations"] = [{"fullyQualifiedName": where, "kind": "resource" if finding.path else "module"}]
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": finding.level,
        "message": {"text": said},
        "locations": [location],
        "partialFingerprints": {"prewarm/v1": f"{finding.id} {finding.package}".strip()},
    }
    if finding.ignored is not None:
        result["suppressions"] = [{"kind": "inSource", "justification": finding.ignored.reason}]
    return result


def _line(finding: Finding, manifest: list[str]) -> int:
    """The line of the manifest that names the first of its entries."""
    for entry_id in finding.entries:
        for number, line in enumerate(manifest, start=1):
            if f'"{entry_id}"' in line or f'"{entry_id}@' in line or f"'{entry_id}" in line:
                return number
    return 1


def _uri(path: Path, folder: Path) -> str:
    resolved = path.resolve()
    if resolved.is_relative_to(folder.resolve()):
        return resolved.relative_to(folder.resolve()).as_posix()
    return resolved.as_uri()
