"""Asks pip-audit which vulnerabilities are known of packages. Changes with its command line.

Not with its ``--strict``, which ends at the first package that nobody knows, and says nothing of the others: each of
those is told here, and counts as a finding. The service of PyPI says which packages it does not know; OSV's does not.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prewarm.audit.packages import public
from prewarm.records.errors import AuditError
from prewarm.records.text import quoted
from prewarm.worker.temporary import OwnFolder

_LIMIT_S = 600.0
_SOCKET_S = 15
_SHOWN = 300
_LATER = "run it again when it answers, or name a mirror: --osv-url URL; or leave it out: --no-advisories"


@dataclass(frozen=True, kw_only=True)
class Advisory:
    """A known vulnerability of an installed package."""

    id: str
    aliases: tuple[str, ...]
    said: str
    fixed_in: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What is known of the packages that were asked about."""

    known: Mapping[str, tuple[Advisory, ...]]
    """By package."""
    not_asked: Mapping[str, str]
    """Package to why nobody could say."""


def ask(
    packages: Mapping[str, str], *, environ: Mapping[str, str], osv_url: str | None = None, limit_s: float = _LIMIT_S
) -> Answers:
    """What is known of ``packages``, a request each.

    Args:
        packages: name to version.
        environ: for pip-audit; it holds no secret.
        osv_url: of a server that answers as OSV does; None: PyPI is asked.
        limit_s: the longest that all of it may take, in seconds.

    Raises:
        AuditError: nobody answers, or what answers is something else.
    """
    pinned = {name: version for name, said in packages.items() if (version := public(said)) is not None}
    unclear = {name: f"{quoted(said)} is no version" for name, said in packages.items() if name not in pinned}
    if not pinned:
        return Answers(known={}, not_asked=unclear)
    with OwnFolder("audit") as folder:
        listed = folder / "requirements.txt"
        listed.write_text("".join(f"{name}=={version}\n" for name, version in pinned.items()), encoding="utf-8")
        said = _run(listed, environ, osv_url, limit_s)
    try:
        known, skipped = _read(json.loads(said))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise AuditError("the answer of pip-audit cannot be read", hint="pip install -U pip-audit") from None
    lost = dict.fromkeys(pinned.keys() - known.keys() - skipped.keys(), "pip-audit does not speak of it")
    return Answers(known=known, not_asked={**unclear, **skipped, **lost})


def _run(listed: Path, environ: Mapping[str, str], osv_url: str | None, limit_s: float) -> str:
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(listed), "--no-deps", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", str(_SOCKET_S)]
    command += ["--cache-dir", str(listed.with_name("cache"))]
    command += ["-s", "osv", "--osv-url", osv_url] if osv_url else ["-s", "pypi"]
    # What its variables choose is chosen here.
    kept = {name: value for name, value in environ.items() if not name.startswith("PIP_AUDIT_")}
    asked = source(osv_url)
    try:
        done = subprocess.run(
            command, env=kept, capture_output=True, stdin=subprocess.DEVNULL, timeout=limit_s, check=False, text=True
        )
    except subprocess.TimeoutExpired:
        raise AuditError(f"{asked} does not answer within {limit_s:.0f} s", hint=_LATER) from None
    if "No module named pip_audit" in done.stderr:
        hint = "pip install 'hf-prewarm[audit]'; or leave it out: --no-advisories"
        raise AuditError("pip-audit is not installed", hint=hint)
    # Its exit code 1 stands for what was found as well as for what went wrong.
    if not done.stdout.lstrip().startswith("{"):
        raise AuditError(f"{asked} cannot be asked for vulnerabilities: {_last_words(done.stderr)}", hint=_LATER)
    return done.stdout


def source(osv_url: str | None) -> str:
    """Who is asked, in words."""
    return quoted(osv_url) if osv_url else "PyPI"


def _last_words(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.strip() and not line.startswith(("WARNING", " "))]
    return quoted(lines[-1].removeprefix("ERROR:pip_audit._cli:") if lines else "it says nothing", _SHOWN)


def _read(said: Any) -> tuple[dict[str, tuple[Advisory, ...]], dict[str, str]]:
    known, skipped = {}, {}
    for one in said["dependencies"]:
        name = str(one["name"])
        if reason := one.get("skip_reason"):
            skipped[name] = quoted(reason, _SHOWN)
        else:
            known[name] = tuple(map(_advisory, one["vulns"]))
    return known, skipped


def _advisory(said: Any) -> Advisory:
    return Advisory(
        id=quoted(said["id"], 60),
        aliases=tuple(quoted(alias, 60) for alias in said.get("aliases") or ()),
        said=quoted(said.get("description") or "", _SHOWN),
        fixed_in=tuple(quoted(version, 40) for version in said.get("fix_versions") or ()),
    )
