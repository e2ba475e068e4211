"""``prewarm audit``, as a user runs it: what it says of files, code, licenses and packages, and what is accepted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import osv
import pytest

import malicious
import own_code
from conftest import TOKEN, Prewarm, Result
from prewarm.localhub import LocalHub, Repository
from prewarm.localhub.quota import Quota, Quotas

Serve = Callable[..., Repository]
FILES = '[settings]\nproof = "files"\n'
TOO_MUCH = own_code.CODE + "import subprocess, einops\nfrom urllib.request import urlopen\n"


def findings(done: Result) -> dict[str, dict[str, Any]]:
    """By rule: the last of each."""
    return {one["rule"]: one for one in done.report["findings"]}


def ignore(prewarm: Prewarm, id_: str, more: str = "") -> None:
    """Accept a finding from now on."""
    with (prewarm.folder / "prewarm.toml").open("a") as manifest:
        manifest.write(f'[audit]\nignore = [{{ id = "{id_}", reason = "read, and needed"{more} }}]\n')


@pytest.fixture
def repository(serve: Serve) -> Repository:
    """One with code that can do much."""
    return serve("org/own", own_code.repository(b"w" * 100, TOO_MUCH), license="apache-2.0", gated="auto")


@pytest.fixture
def coded(prewarm: Prewarm, repository: Repository, hub: LocalHub) -> Prewarm:
    """A project with that repository, fetched and not run."""
    hub.access.members["org/own"] = {"tester"}
    prewarm.environ["HF_TOKEN"] = TOKEN
    prewarm.manifest(own_code.ENTRY + FILES)
    done = prewarm("--json")
    assert done.report["entries"][0]["status"] == "cached", done.out
    return prewarm


@pytest.fixture
def plain(prewarm: Prewarm, serve: Serve) -> Prewarm:
    """A project with nothing to find."""
    serve("org/files", {"a.json": b"{}", "model.safetensors": b"s" * 90}, license="mit")
    prewarm.manifest('[[advanced]]\nid = "org/files"\ninclude = ["*"]\n')
    assert prewarm("-q").code == 0
    return prewarm


def test_code_is_told_by_what_it_imports_and_can_do(coded: Prewarm, hub: LocalHub) -> None:
    hub.stop()
    done = coded("audit", "--no-advisories", "--json")
    assert done.code == 1
    (entry,) = done.report["entries"]
    assert entry["licenses"] == {"org/own": "apache-2.0"}
    assert entry["gated"] == ["org/own"]
    assert entry["weights"] == [{"format": "safetensors", "files": 1, "bytes": 100}]
    code = {file["path"]: file for file in entry["code"]}
    assert code["org/own/own.py"]["state"] == "as locked"
    assert code["org/own/own.py"]["imports"] == ["einops", "torch", "transformers"]
    assert code["org/own/parts.py"]["names"] == {}
    assert "subprocess" in findings(done)["code-process"]["message"]
    assert "urllib.request.urlopen (line " in findings(done)["code-network"]["message"]
    assert "einops" in entry["imports"]


def test_what_is_accepted_holds_for_this_content_alone(coded: Prewarm, repository: Repository) -> None:
    found = findings(coded("audit", "--no-advisories", "--json"))
    accepted = [f'{{ id = "{found[rule]["id"]}", reason = "read" }}' for rule in ("code-process", "code-network")]
    with (coded.folder / "prewarm.toml").open("a") as manifest:
        manifest.write(f"[audit]\nignore = [{', '.join(accepted)}]\n")
    done = coded("audit", "--no-advisories")
    assert done.code == 0, done.out
    assert "0 errors, 0 warnings, 2 accepted" in done.out
    assert "accepted: read" in coded("audit", "--no-advisories", "-v").out
    repository.commit(own_code.repository(b"w" * 100, TOO_MUCH + "# another\n"))
    coded("lock", "--upgrade")
    coded("-q")
    assert coded("audit", "--no-advisories").code == 1


@pytest.mark.parametrize("days", [-2, 2])
def test_until_a_day_and_no_longer(plain: Prewarm, days: int) -> None:
    day = (datetime.now(timezone.utc) + timedelta(days=days)).date()
    with osv.server({"huggingface-hub": osv.advisory("huggingface-hub")}) as (url, _):
        ignore(plain, "CVE-2026-1", f", until = {day}")
        done = plain("audit", "--osv-url", url, "--json")
    assert done.code == int(days < 0)
    assert ("ignore-expired" in findings(done)) == (days < 0)
    assert (findings(done)["vulnerability"]["ignored"] is None) == (days < 0)


def test_what_is_accepted_in_vain_is_said(plain: Prewarm) -> None:
    ignore(plain, "CVE-1999-1")
    done = plain("audit", "--no-advisories")
    assert done.code == 0
    assert "audit.ignore[0] accepts CVE-1999-1, which is not found" in done.out


def test_code_that_was_changed_on_the_disk_is_an_error(coded: Prewarm) -> None:
    (shown,) = coded.cache.glob("models--org--own/snapshots/*/parts.py")
    shown.resolve().write_bytes(b"WIDTH = 5\n")
    done = coded("audit", "--no-advisories", "--json")
    (changed,) = [one for one in done.report["findings"] if one["rule"] == "changed-code"]
    assert changed["level"] == "error"
    assert changed["path"] == "org/own/parts.py"


def test_a_pickle_that_runs_something_is_an_error_and_one_that_is_trusted_a_note(
    prewarm: Prewarm, serve: Serve
) -> None:
    serve("org/a", {"head.pkl": malicious.plain(), "a.json": b"{}"})
    entry = '[[advanced]]\nid = "org/a"\ninclude = ["head.pkl"]\n'
    prewarm.manifest(entry)
    assert prewarm("-q").code == 1
    done = prewarm("audit", "--no-advisories", "--json")
    assert done.code == 1
    assert "posix.system" in findings(done)["unsafe-file"]["message"]
    prewarm.manifest(entry + 'unsafe_files = ["head.pkl"]\n')
    assert prewarm("-q").code == 0
    done = prewarm("audit", "--no-advisories", "--json")
    assert done.code == 0, done.out
    assert findings(done)["unsafe-file"]["level"] == "note"


def test_weights_that_are_safer_or_smaller_are_offered(prewarm: Prewarm, serve: Serve) -> None:
    weights = {"model.safetensors": b"s" * 80, "model.fp16.safetensors": b"h" * 40, "pytorch_model.bin": b"p" * 80}
    serve("org/a", {"config.json": b"{}", **weights})
    serve("org/g", {"m.Q8_0.gguf": b"GGUF" + b"g" * 80, "m.Q4_K_M.gguf": b"GGUF" + b"g" * 40})
    prewarm.manifest(
        '[[advanced]]\nid = "org/a"\ninclude = ["pytorch_model.bin"]\n'
        '[[advanced]]\nid = "org/a"\ninclude = ["model.safetensors"]\nname = "b"\n'
        '[[advanced]]\nid = "org/g"\ninclude = ["m.Q8_0.gguf"]\n'
    )
    assert prewarm("-q").code == 0
    done = prewarm("audit", "--no-advisories", "--json")
    assert done.code == 1, "a pickle is taken where there are safetensors"
    assert findings(done)["safer-variant"]["path"] == "org/a/pytorch_model.bin"
    smaller = [one["hint"] for one in done.report["findings"] if one["rule"] == "smaller-variant"]
    assert smaller == ['variant = "fp16"', 'include = ["m.Q4_K_M.gguf"]']


def test_a_vulnerable_package_makes_the_entries_that_import_it_vulnerable(plain: Prewarm) -> None:
    stages = []
    for known in ({"huggingface-hub": osv.advisory("huggingface-hub", "999.1")}, {}):
        with osv.server(known) as (url, asked):
            done = plain("audit", "--osv-url", url)
        assert {"huggingface-hub", "packaging"} <= {one["package"]["name"] for one in asked}, "what it needs as well"
        assert done.code == int(bool(known)), done.out
        (entry,) = plain("check", "--json").report["entries"]
        assert entry["ready"]
        stages.append(entry["stage"])
        if known:
            assert "it does too much (mended in 999.1)" in done.out
            assert "imported by org/files" in done.out
            assert "try: pip install 'huggingface-hub>=999.1'" in done.out
            assert "CVE-2026-1: prewarm audit says more" in plain("check").out
            assert plain("check").code == 0, "a status stays what it was"
    assert stages == ["vulnerable", "verified"]


def test_nobody_who_answers_is_one_error_and_the_rest_is_told(coded: Prewarm) -> None:
    done = coded("audit", "--osv-url", "http://127.0.0.1:9/v1/query")
    assert done.code == 1
    assert "error: http://127.0.0.1:9/v1/query cannot be asked for vulnerabilities" in done.out
    assert "try: run it again when it answers" in done.out
    assert "code-network" in done.out
    assert "Traceback" not in done.out + done.err


def test_without_pip_audit_it_says_what_to_install(plain: Prewarm) -> None:
    (plain.folder / "without").mkdir()
    (plain.folder / "without" / "pip_audit.py").write_text("raise ModuleNotFoundError('No module named pip_audit')")
    done = plain("audit", env={"PYTHONPATH": str(plain.folder / "without")})
    assert done.code == 1
    assert "pip install 'hf-prewarm[audit]'" in done.out
    assert plain("audit", "--no-advisories", env={"PYTHONPATH": str(plain.folder / "without")}).code == 0


def test_sarif_is_what_its_schema_says_and_points_into_the_manifest(coded: Prewarm) -> None:
    done = coded("audit", "--no-advisories", "--sarif", "found.sarif", "-q")
    assert done.code == 1
    said = json.loads((coded.folder / "found.sarif").read_text())
    assert said["version"] == "2.1.0"
    (run,) = said["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    lines = (coded.folder / "prewarm.toml").read_text().splitlines()
    assert {one["ruleId"] for one in run["results"]} == set(rules) >= {"code-network", "code-process"}
    for one in run["results"]:
        assert rules[one["ruleIndex"]] == one["ruleId"]
        (where,) = one["locations"]
        assert where["physicalLocation"]["artifactLocation"]["uri"] == "prewarm.toml"
        assert '"org/own"' in lines[where["physicalLocation"]["region"]["startLine"] - 1]
        assert where["logicalLocations"][0]["fullyQualifiedName"].startswith("org/own/")


def test_a_sarif_that_cannot_be_written_is_said_and_nothing_else_is_lost(plain: Prewarm) -> None:
    done = plain("audit", "--no-advisories", "--sarif", "/dev/null/found.sarif")
    assert done.code == 1
    assert done.err.startswith("error: /dev/null/found.sarif cannot be written")


def test_what_is_not_there_is_not_called_harmless(prewarm: Prewarm, serve: Serve) -> None:
    serve("org/files")
    prewarm.manifest('[[advanced]]\nid = "org/files"\ninclude = ["*"]\n')
    assert prewarm("audit", "--no-advisories").code == 1
    assert "neither locked nor in the cache" in prewarm("audit", "--no-advisories").out
    prewarm("lock", "-q")
    done = prewarm("audit", "--no-advisories")
    assert done.code == 1
    assert "2 files not in the cache, and not looked into" in done.out
    assert "org/files could not be looked at: 2 of its files are not in the cache" in done.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("audit = 3", "audit: expected a table"),
        ("[audit]\nignored = []", "did you mean 'ignore'?"),
        ('[audit]\nignore = ["CVE-1"]', "audit.ignore[0]: expected a table"),
        ('[audit]\nignore = [{ id = "CVE-1" }]', "there is no reason"),
        ('[audit]\nignore = [{ id = "a", reason = "b", until = "soon" }]', "audit.ignore[0].until: soon is no day"),
        ('[audit]\nignore = [{ id = "a", reason = "b", untill = 2027-01-01 }]', "did you mean 'until'?"),
        ('[audit]\nignore = [{ id = "a", reason = "b" }, { id = "a", reason = "c" }]', "is also audit.ignore[0]"),
    ],
)
def test_a_wrong_table_is_said_before_anything(prewarm: Prewarm, text: str, said: str) -> None:
    prewarm.manifest(f'simple = ["org/a"]\n{text}\n')
    done = prewarm("audit")
    assert done.code == 2
    assert said in done.err


def test_the_stages_of_an_entry(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    def stage(**env: str) -> tuple[str, float | None]:
        (entry,) = prewarm("check", "--json", env=env).report["entries"]
        return entry["stage"], entry["retry_in_s"]

    serve("org/files", {"config.json": b"{}", "model.safetensors": b"no weights"})
    prewarm.manifest('simple = ["org/files"]\n')
    assert stage() == ("created", None)
    assert prewarm("--proof", "files", "-q").code == 0
    assert stage() == ("fetched", None)
    assert stage(PREWARM_PROOF="files") == ("verified", None)
    assert prewarm("-q").code == 1
    assert stage() == ("verify-failed", None)
    hub.quotas = Quotas({"api": Quota(requests=1, window_s=200)})
    prewarm.manifest('simple = ["org/other"]\n')
    prewarm("-q", "--max-wait", "1s")
    began = time.monotonic()
    prewarm("-q", "--max-wait", "1s")
    found, left_s = stage()
    assert found == "to-be-retried"
    assert left_s is not None
    assert 0 < left_s <= 200 - (time.monotonic() - began) + 5
    assert "to-be-retried in " in prewarm("check", "-v").out
    prewarm.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"
    prewarm.manifest('simple = ["org/third"]\n')
    prewarm("-q")
    assert stage() == ("to-be-retried", 0.0)
    assert "to-be-retried now" in prewarm("check", "-v").out
