"""What is known of packages: asked of a server by pip-audit itself, and what is said where nobody answers."""

from __future__ import annotations

import os

import osv
import pytest

from prewarm.audit.advisories import ask
from prewarm.records.errors import AuditError

PACKAGES = {"jinja2": "3.1.3", "torch": "2.13.0+cpu", "odd": "not-a-version"}


def test_each_package_is_asked_about_by_its_public_version() -> None:
    with osv.server({"jinja2": osv.advisory("jinja2", "3.1.4")}) as (url, asked):
        answers = ask(PACKAGES, environ=os.environ, osv_url=url)
    assert {(one["package"]["name"], one["version"]) for one in asked} == {("jinja2", "3.1.3"), ("torch", "2.13.0")}
    (found,) = answers.known["jinja2"]
    assert {found.id, *found.aliases} == {"GHSA-aaaa-bbbb", "CVE-2026-1"}
    assert found.fixed_in == ("3.1.4",)
    assert answers.known["torch"] == ()
    assert "no version" in answers.not_asked["odd"]


def test_variables_of_pip_audit_do_not_change_what_is_asked() -> None:
    environ = {**os.environ, "PIP_AUDIT_FORMAT": "columns", "PIP_AUDIT_OUTPUT": "/dev/null", "PIP_AUDIT_DESC": "off"}
    with osv.server({"jinja2": osv.advisory("jinja2")}) as (url, _):
        assert ask(PACKAGES, environ=environ, osv_url=url).known["jinja2"][0].said == "it does too much"


@pytest.mark.parametrize(("status", "body"), [(500, b""), (200, b"no JSON"), (200, b'{"vulns": 3}'), (404, b"{}")])
def test_a_server_that_answers_something_else_is_named(status: int, body: bytes) -> None:
    with (
        osv.server({}, status=status, body=body) as (url, _),
        pytest.raises(AuditError, match="cannot be asked") as told,
    ):
        ask(PACKAGES, environ=os.environ, osv_url=url)
    assert "--no-advisories" in told.value.hint
    assert "Traceback" not in str(told.value)


def test_a_server_that_is_not_there_or_never_answers_is_named() -> None:
    with pytest.raises(AuditError, match="cannot be asked"):
        ask(PACKAGES, environ=os.environ, osv_url="http://127.0.0.1:9/v1/query")
    with osv.server({}, wait_s=30.0) as (url, _), pytest.raises(AuditError, match="does not answer within 2 s"):
        ask(PACKAGES, environ=os.environ, osv_url=url, limit_s=2.0)


def test_credentials_of_an_address_are_not_told() -> None:
    with pytest.raises(AuditError) as told:
        ask(PACKAGES, environ=os.environ, osv_url="http://somebody:secret@127.0.0.1:9/v1/query")
    assert "secret" not in str(told.value)


def test_a_package_that_the_service_does_not_know_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its own service is on the internet: what it prints then, as measured with pip-audit 2.10.
    import subprocess

    skipped = '{"dependencies": [{"name": "jinja2", "skip_reason": "not found on PyPI"}], "fixes": []}'
    done = subprocess.CompletedProcess(args=[], returncode=0, stdout=skipped, stderr="No known vulnerabilities found")
    monkeypatch.setattr("prewarm.audit.advisories.subprocess.run", lambda *args, **more: done)
    answers = ask({"jinja2": "3.1.3", "torch": "2.13.0"}, environ={})
    assert answers.known == {}
    assert answers.not_asked == {"jinja2": "not found on PyPI", "torch": "pip-audit does not speak of it"}
