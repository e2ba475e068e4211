"""Progress is new bytes, and there is a least speed: for heads, listings, pages and files."""

from __future__ import annotations

import json
from typing import Any

import pytest
from outcomes import ALL, LARGE, Serve, failed

from conftest import Prewarm
from prewarm.localhub import Fault, LocalHub, Mirror
from prewarm.wire.answers import Answer, json_answer

QUICK = '[settings]\nmin_speed = "1 kB/s over 1 s"\n'


# --- Progress is new bytes, and there is a least speed ---------------------------------------------------------------


@pytest.mark.parametrize("at_byte", [0, 1, 5_000_000])
def test_an_origin_that_cuts_always_at_the_same_place(
    prewarm: Prewarm, serve: Serve, hub: LocalHub, at_byte: int
) -> None:
    serve(files={"a.bin": LARGE[:6_000_000]})
    hub.faults.add(Fault(path="*", origin="cdn", kind="cut-at", at_byte=at_byte, count=0))
    prewarm.manifest(ALL)
    error = failed(prewarm)
    assert error["kind"] in ("unreachable", "corrupt")
    assert len([one for one in hub.log.all() if one.origin == "cdn"]) < 40
    assert len(hub.log.metered()) == 2


def test_the_same_of_a_mirror_that_gives_the_bytes_itself(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve(files={"a.txt": LARGE[:1_000_000]})
    hub.faults.add(Fault(path="*a.txt", origin="hub", kind="cut-at", at_byte=500_000, count=0))
    prewarm.manifest(ALL)
    assert failed(prewarm)["kind"] in ("unreachable", "corrupt")
    assert len(hub.log.all(containing="/resolve/")) < 10


@pytest.mark.parametrize("path", ["/api/models/*", "*a.txt", "*a.bin"])
@pytest.mark.parametrize("kind", ["trickle", "slow"])
def test_a_byte_at_a_time_ends_as_a_time_out(
    prewarm: Prewarm, serve: Serve, hub: LocalHub, path: str, kind: Any
) -> None:
    serve(files={"a.txt": b"a" * 3000, "a.bin": b"b" * 3000})
    hub.faults.add(Fault(path=path, kind=kind, seconds=0.1, bytes_per_s=50, count=0))
    prewarm.manifest(ALL + QUICK)
    error = failed(prewarm)
    assert error["kind"] == "timeout"
    assert "too slowly" in error["message"]
    assert "--min-speed" in error["hint"]


def test_who_accepts_less_may_say_so(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve(files={"a.txt": b"a" * 900})
    hub.faults.add(Fault(path="*a.txt", kind="slow", bytes_per_s=300))
    prewarm.manifest(ALL)
    assert prewarm(env={"PREWARM_MIN_SPEED": "0"}).code == 0


@pytest.mark.parametrize("kind", ["endless", "bomb"])
def test_a_listing_without_an_end_is_named_and_takes_no_memory(
    prewarm: Prewarm, serve: Serve, hub: LocalHub, kind: Any
) -> None:
    serve()
    hub.faults.add(Fault(path="/api/*", kind=kind, at_byte=2 << 30, count=0))
    prewarm.manifest(ALL)
    done = prewarm.python(
        "from prewarm.cli.main import main\nfrom prewarm.proof.inside.memory import peak_rss_bytes\n"
        "assert main(['--json']) == 1\nprint(peak_rss_bytes())"
    )
    assert done.code == 0, done.err
    assert "more than 67.1 MB where a listing is asked for" in done.out
    assert int(done.out.split()[-1]) < 500_000_000


def test_a_file_that_is_a_bomb_is_named(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve(files={"a.bin": b"a" * 1000})
    hub.faults.add(Fault(path="*", origin="cdn", kind="bomb", at_byte=1 << 30, count=0))
    prewarm.manifest(ALL)
    assert failed(prewarm)["kind"] == "corrupt"


def test_a_body_that_is_compressed_all_the_same_is_read(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    import gzip

    serve()

    def compressed(origin: str, path: str, answer: Answer) -> Answer:
        if not path.startswith("/api/models/") or not isinstance(answer.body, bytes):
            return answer
        return Answer(
            status=answer.status,
            headers={**answer.headers, "Content-Encoding": "gzip"},
            body=gzip.compress(answer.body),
        )

    hub.behind(Mirror(alter=compressed))
    prewarm.manifest(ALL)
    assert prewarm().code == 0


@pytest.mark.parametrize("is_new", [False, True], ids=["the same page", "new names"])
def test_pages_without_an_end(prewarm: Prewarm, serve: Serve, hub: LocalHub, is_new: bool) -> None:
    serve()
    count = 0

    def endless(origin: str, path: str, answer: Answer) -> Answer:
        nonlocal count
        if path.endswith("/revision/main"):
            said = json.loads(answer.body if isinstance(answer.body, bytes) else b"")
            return json_answer({**said, "siblings": []})
        if "/tree/" not in path:
            return answer
        count += is_new
        page = [{"type": "file", "path": f"{count}.txt", "size": 1, "oid": "0" * 40}]
        return json_answer(page, {"Link": f'<{hub.url}{path}?cursor={count}>; rel="next"'})

    hub.behind(Mirror(alter=endless))
    prewarm.manifest(ALL)
    error = failed(prewarm)
    assert "again and again" in error["message"] or "has no end" in error["message"]
    assert len(hub.log.metered()) <= 1003
