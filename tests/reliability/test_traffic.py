"""Traffic without end, or without need: a policy for every origin, and what is learnt once is known to all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from outcomes import ALL, LARGE, Serve, failed

from conftest import Prewarm
from prewarm.hub.governor import Governor
from prewarm.hub.shared_windows import SharedWindows
from prewarm.localhub import Fault, LocalHub, Mirror, Quota, Quotas, Repository
from prewarm.wire.answers import Answer, json_answer

QUICK = '[settings]\nmin_speed = "1 kB/s over 1 s"\n'


# --- One policy for every origin -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
def test_the_storage_says_when_to_come_back(prewarm: Prewarm, serve: Serve, hub: LocalHub, status: int) -> None:
    serve(files={"a.bin": b"a" * 1000})
    hub.faults.add(Fault(path="*", origin="cdn", kind="status", status=status, headers={"Retry-After": "2"}))
    prewarm.manifest(ALL)
    result = prewarm("--json")
    assert result.code == 0, result.err
    assert result.report["totals"]["waited_s"] >= 1.5
    assert len([one for one in hub.log.all() if one.origin == "cdn"]) == 2


@pytest.mark.parametrize("headers", [{"Retry-After": "3600"}, {}, {"Retry-After": "0"}, {"Retry-After": "rubbish"}])
def test_a_storage_that_always_refuses_ends_within_max_wait(
    prewarm: Prewarm, serve: Serve, hub: LocalHub, headers: dict[str, str]
) -> None:
    serve(files={"a.bin": b"a" * 1000})
    hub.faults.add(Fault(path="*", origin="cdn", kind="status", status=429, count=0, headers=headers))
    prewarm.manifest(ALL)
    error = failed(prewarm, "--max-wait", "3s")
    assert error["kind"] == "rate-limited"
    assert "localhost" in error["message"]
    assert len([one for one in hub.log.all() if one.origin == "cdn"]) < 10


@pytest.mark.parametrize("path", ["/api/models/*", "*/resolve/*"])
def test_the_hub_says_when_to_come_back_with_503(prewarm: Prewarm, serve: Serve, hub: LocalHub, path: str) -> None:
    serve()
    hub.faults.add(Fault(path=path, origin="hub", kind="status", status=503, headers={"Retry-After": "2"}))
    prewarm.manifest(ALL)
    result = prewarm("--json")
    assert result.code == 0
    assert result.report["totals"]["waited_s"] >= 1.5


# --- What one request has learnt, the others use ---------------------------------------------------------------------


@pytest.mark.slow
def test_a_silent_hub_costs_all_entries_what_it_costs_one(prewarm: Prewarm, hub: LocalHub) -> None:
    hub.faults.add(Fault(path="*", kind="hang", seconds=60, count=0))
    ids = ", ".join(f'"org/{number}"' for number in range(30))
    prewarm.manifest(f"simple = [{ids}]\n")
    result = prewarm("--json", env={"HF_HUB_DOWNLOAD_TIMEOUT": "1"})
    assert {entry["error"]["kind"] for entry in result.report["entries"]} == {"timeout"}
    # 8 at once, 6 tries each; the 22 others are told.
    assert len(hub.log.all()) <= 60


def test_what_is_refused_for_a_repository_is_asked_once(prewarm: Prewarm, hub: LocalHub) -> None:
    repository = hub.add(Repository(repo_id="org/files", gated="manual"))
    repository.commit({f"{number}.bin": bytes([number]) for number in range(40)})
    prewarm.manifest(ALL)
    assert failed(prewarm)["kind"] == "gated"
    assert len(hub.log.metered()) == 2


# --- Ranges ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["refuse-range", "nameless-range", "ignore-range"])
@pytest.mark.parametrize("name", ["a.bin", "a.txt"])
def test_an_origin_without_ranges_is_asked_once_for_the_whole_file(
    prewarm: Prewarm, serve: Serve, hub: LocalHub, kind: Any, name: str
) -> None:
    serve(files={name: LARGE[:9_000_000]})
    hub.faults.add(Fault(path=f"*{name}", kind="cut", at_byte=5_000_000))
    hub.faults.add(Fault(path=f"*{name}", kind=kind, count=0))
    prewarm.manifest(ALL)
    result = prewarm("--json")
    assert result.code == 0, result.err
    assert len(hub.log.metered()) <= 4


@pytest.mark.parametrize("kind", ["refuse-range", "nameless-range", "ignore-range"])
def test_a_kept_part_does_not_make_later_runs_fail(prewarm: Prewarm, serve: Serve, hub: LocalHub, kind: Any) -> None:
    serve(files={"a.bin": LARGE[:7_000_000]})
    hub.faults.add(Fault(path="*a.bin", kind="cut-at", at_byte=6_000_000, count=0))
    prewarm.manifest(ALL)
    assert prewarm("-q").code == 1
    assert list(prewarm.cache.rglob("*.prewarm.incomplete"))
    hub.faults.clear()
    hub.faults.add(Fault(path="*a.bin", kind=kind, count=0))
    result = prewarm("--json")
    assert result.code == 0, result.err
    assert not list(prewarm.cache.rglob("*.incomplete"))


# --- The storage refuses for good ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_the_storage_refuses_and_is_named(prewarm: Prewarm, serve: Serve, hub: LocalHub, status: int) -> None:
    serve(files={"a.bin": LARGE[:9_000_000]})
    hub.faults.add(Fault(path="*", origin="cdn", kind="status", status=status, count=0))
    prewarm.manifest(ALL)
    error = failed(prewarm)
    assert f"{hub.cdn_url}, where the Hub says that org/files/a.bin is" in error["message"]
    assert "expired" not in error["message"]
    assert "repository" not in error["message"]
    assert len(hub.log.metered()) == 2, "the listing, and one for the file"


@pytest.mark.parametrize("status", [400, 403, 404])
def test_what_the_storage_refuses_comes_over_xet(prewarm: Prewarm, serve: Serve, hub: LocalHub, status: int) -> None:
    pytest.importorskip("hf_xet")
    serve(files={"a.bin": LARGE[:9_000_000], "b.bin": b"small"})
    hub.routes.serves_xet = True

    def refused(origin: str, path: str, answer: Answer) -> Answer:
        return Answer(status=status) if path.startswith("/lfs/") else answer

    hub.behind(Mirror(alter=refused))
    prewarm.manifest(ALL)
    result = prewarm("--json")
    assert result.code == 0, result.err
    assert "going on over Xet" in result.err
    hub.log.clear()
    prewarm.manifest(ALL + "[settings]\n")
    assert failed(prewarm, "--force", "--transfer", "http")["kind"] in ("unreachable", "not-found")


# --- What the planning reads -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("listed", [500_000_000, 8_000_000_000])
@pytest.mark.parametrize("args", [[], ["--dry-run"]], ids=["warm", "dry run"])
def test_a_document_that_is_too_large_is_told_before_it_is_asked_for(
    prewarm: Prewarm, serve: Serve, hub: LocalHub, listed: int, args: list[str]
) -> None:
    serve(files={"config.json": b"{}", "model.safetensors": b"x"})

    def larger(origin: str, path: str, answer: Answer) -> Answer:
        if "/revision/" not in path:
            return answer
        said = json.loads(answer.body if isinstance(answer.body, bytes) else b"")
        for sibling in said["siblings"]:
            if sibling["rfilename"] == "config.json":
                sibling["size"] = listed
        return json_answer(said)

    hub.behind(Mirror(alter=larger))
    prewarm.manifest('simple = ["org/files"]\n')
    done = prewarm.python(
        "from prewarm.cli.main import main\nfrom prewarm.proof.inside.memory import peak_rss_bytes\n"
        f"assert main(['--json', *{args!r}]) == 1\nprint(peak_rss_bytes())"
    )
    assert done.code == 0, done.err
    assert "the planning reads at most 33.6 MB" in done.out
    assert int(done.out.split()[-1]) < 250_000_000
    assert len(hub.log.metered()) == 1


# --- What is remembered of limits ------------------------------------------------------------------------------------


@pytest.mark.parametrize("resets_in_s", [86_400, 3_000, 1e12, -1e12])
def test_nobody_fails_on_a_limit_that_was_only_remembered(
    prewarm: Prewarm, serve: Serve, hub: LocalHub, resets_in_s: float
) -> None:
    import time

    serve()
    windows = SharedWindows(prewarm.home, hub.url, None)
    windows.path.parent.mkdir(parents=True)
    window = {"remaining": 0, "resets_at": time.time() + resets_in_s}
    windows.path.write_text(json.dumps({"api": window, "resolvers": window}))
    hub.quotas = Quotas({"api": Quota(requests=100), "resolvers": Quota(requests=100)})
    prewarm.manifest(ALL)
    result = prewarm("--json")
    assert result.code == 0, result.err
    assert result.report["totals"]["waited_s"] < 2


def test_a_wait_of_a_day_is_an_hour_at_most_and_the_file_is_named(
    prewarm: Prewarm, serve: Serve, hub: LocalHub
) -> None:
    serve()
    headers = {"RateLimit": '"api";r=0;t=86400'}
    hub.faults.add(Fault(path="/api/*", kind="status", status=429, headers=headers))
    prewarm.manifest(ALL)
    error = failed(prewarm)
    assert error["kind"] == "rate-limited"
    (file,) = (prewarm.home / "prewarm").glob("limits-*.json")
    assert str(file) in error["hint"]
    assert prewarm().code == 0, "the next run asks"


def test_a_governor_bounds_what_it_is_told() -> None:
    governor = Governor(10_000, lambda event: None, clock=lambda: 0.0)
    governor.admit("api")
    governor.learn("api", [{"RateLimit": '"api";r=0;t=99999999'}])
    assert governor._buckets["api"].resets_at <= 3601


@pytest.mark.parametrize("value", ["inf", "nan", "1e400", "-5", "9" * 400, "٣"])
def test_a_retry_after_that_is_no_number_is_none(value: str) -> None:
    from prewarm.hub.limit_headers import parse_retry_after

    assert parse_retry_after({"Retry-After": value}, 0.0) is None
