"""The governor: what it takes from headers, and whom it lets pass."""

from __future__ import annotations

import threading
import time
from email.utils import formatdate
from pathlib import Path

import pytest

from prewarm.flow.stop import Stop
from prewarm.hub.governor import Governor
from prewarm.hub.limit_headers import parse_limit, parse_policy, parse_retry_after
from prewarm.hub.shared_windows import SharedWindows
from prewarm.records.errors import HubError, Interrupted
from prewarm.records.events import Event, LimitForeseen, Waiting


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('"resolvers";r=2998;t=172', ("resolvers", 2998, 172.0)),
        ('"api"; r=0; t=55', ("api", 0, 55.0)),
        ("api;r=1;t=0.5", ("api", 1, 0.5)),
        ('"api";r=x;t=1', None),
        ("", None),
    ],
)
def test_the_header(header: str, expected: object) -> None:
    assert parse_limit({"RateLimit": header}) == expected
    assert parse_limit({"ratelimit": header}) == expected


def test_retry_after_in_seconds_and_as_a_date() -> None:
    now = 1_700_000_000.0
    assert parse_retry_after({"Retry-After": "12"}, now) == 12
    assert parse_retry_after({"retry-after": "1.5"}, now) == 1.5
    assert parse_retry_after({"Retry-After": formatdate(now + 30, usegmt=True)}, now) == 30
    assert parse_retry_after({"Retry-After": formatdate(now - 30, usegmt=True)}, now) == 0
    assert parse_retry_after({"Retry-After": "soon"}, now) is None
    assert parse_retry_after({}, now) is None


def answer(left: int, reset_s: float, bucket: str = "api") -> list[dict[str, str]]:
    return [{"RateLimit": f'"{bucket}";r={left};t={reset_s}'}]


def test_nobody_passes_at_zero_until_the_reset_and_the_wait_is_told_once() -> None:
    events: list[Event] = []
    governor = Governor(60, events.append)
    governor.admit("api")
    governor.learn("api", answer(0, 0.5))
    passed: list[float] = []

    def work() -> None:
        governor.admit("api")
        passed.append(time.monotonic())
        governor.learn("api", answer(10, 60))

    began = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert len(passed) == 4
    assert min(passed) - began >= 0.5
    assert [type(event) for event in events] == [Waiting]
    assert governor.waited_s >= 0.5


def test_other_buckets_pass() -> None:
    governor = Governor(60, lambda event: None)
    governor.admit("api")
    governor.learn("api", answer(0, 100))
    governor.admit("resolvers")
    assert governor.waited_s == 0


def test_one_request_finds_out_what_a_new_window_allows() -> None:
    now = [0.0]
    governor = Governor(60, lambda event: None, clock=lambda: now[0])
    governor.admit("api")
    governor.learn("api", answer(0, 5))
    now[0] = 6
    governor.admit("api")
    bucket = governor._buckets["api"]
    assert not bucket.has_room(now[0])
    governor.learn("api", answer(2, 5))
    governor.admit("api")
    governor.admit("api")
    assert not bucket.has_room(now[0])
    governor.learn("api", [])
    assert not bucket.has_room(now[0]), "one without an answer may have been counted"


def test_a_hub_that_names_no_limit_is_not_slowed() -> None:
    governor = Governor(0, lambda event: None)
    governor.admit("api")
    governor.learn("api", [{}])
    for _ in range(50):
        governor.admit("api")
    for _ in range(50):
        governor.learn("api", [{}])
    assert governor.waited_s == 0


def test_answers_that_overtake_each_other() -> None:
    governor = Governor(0, lambda event: None)
    governor.admit("api")
    governor.learn("api", answer(5, 50))
    for _ in range(3):
        governor.admit("api")
    for left in (0, 2, 1):
        governor.learn("api", answer(left, 50))
    with pytest.raises(HubError):
        governor.admit("api")


def test_requests_on_their_way_count_against_what_is_left() -> None:
    governor = Governor(0, lambda event: None)
    governor.admit("api")
    governor.learn("api", answer(9, 100))
    for _ in range(3):
        governor.admit("api")
    governor.learn("api", answer(3, 100))
    governor.admit("api")
    governor.learn("api", [])
    governor.learn("api", [])
    governor.learn("api", answer(0, 100))
    with pytest.raises(HubError):
        governor.admit("api")


def test_a_wait_that_is_too_long_ends_with_what_to_do() -> None:
    governor = Governor(10, lambda event: None)
    governor.admit("api")
    governor.refuse("api", {"Retry-After": "3600"})
    with pytest.raises(HubError) as error:
        governor.admit("api")
    assert error.value.kind == "rate-limited"
    assert "--max-wait" in error.value.hint


def test_a_refusal_without_a_word_is_waited_out_ever_longer() -> None:
    now = [0.0]
    governor = Governor(1000, lambda event: None, clock=lambda: now[0])
    waits = []
    for _ in range(4):
        governor.refuse("api", {})
        waits.append(governor._buckets["api"].closed_until - now[0])
        now[0] += 100
    assert waits == sorted(waits)
    assert 1 <= waits[0] <= 3
    assert waits[-1] > 6


def test_stop_ends_every_wait() -> None:
    run = Stop()
    entry = Stop(run)
    governor = Governor(1000, lambda event: None, stop=run)
    governor.admit("api")
    governor.learn("api", answer(0, 500))
    raised: list[BaseException] = []

    def work(stop: Stop | None) -> None:
        try:
            governor.admit("api", stop)
        except Interrupted as error:
            raised.append(error)

    threads = [threading.Thread(target=work, args=(stop,)) for stop in (entry, None)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    entry.set()
    threads[0].join(timeout=5)
    assert len(raised) == 1, "the entry's wait alone"
    run.set()
    threads[1].join(timeout=5)
    assert len(raised) == 2


def test_the_policy() -> None:
    assert parse_policy({"RateLimit-Policy": '"fixed window";"api";q=500;w=300'}) == ("api", 500, 300.0)
    assert parse_policy({"ratelimit-policy": '"resolvers";q=5000;w=300'}) == ("resolvers", 5000, 300.0)
    assert parse_policy({"RateLimit-Policy": "sliding"}) is None
    assert parse_policy({}) is None


def foreseen(events: list[Event]) -> list[tuple[int, int, float]]:
    return [(event.requests, event.remaining, event.wait_s) for event in events if isinstance(event, LimitForeseen)]


def test_a_plan_that_needs_more_than_is_left_is_told_before_it_is_sent() -> None:
    events: list[Event] = []
    governor = Governor(60, events.append, clock=lambda: 0.0)
    governor.admit("resolvers")
    policy = {"RateLimit-Policy": '"fixed window";"resolvers";q=20;w=6'}
    governor.learn("resolvers", [{**answer(19, 5.75, "resolvers")[0], **policy}])
    governor.expect("resolvers", 19)
    assert foreseen(events) == []
    governor.expect("resolvers", 1)
    assert foreseen(events) == [(20, 19, 6.0)]
    governor.expect("resolvers", 19)
    assert len(foreseen(events)) == 1, "it takes no longer"
    governor.expect("resolvers", 41)
    assert foreseen(events)[1:] == [(80, 19, 24.0)]


def test_a_plan_is_judged_by_the_first_answer_where_nothing_was_known() -> None:
    events: list[Event] = []
    governor = Governor(60, events.append, clock=lambda: 0.0)
    governor.expect("api", 10)
    assert foreseen(events) == []
    governor.admit("api")
    governor.learn("api", answer(3, 9.75))
    assert foreseen(events) == [(9, 3, 10.0)], "at least until the reset, where the Hub names no policy"


def test_what_another_process_knows_counts_before_the_first_request(tmp_path: Path) -> None:
    first = Governor(60, lambda event: None, shared=SharedWindows(tmp_path, "http://hub", None))
    first.admit("api")
    first.learn("api", answer(5, 100))
    events: list[Event] = []
    Governor(60, events.append, shared=SharedWindows(tmp_path, "http://hub", None)).expect("api", 6)
    assert [(requests, left) for requests, left, _ in foreseen(events)] == [(6, 5)]


def test_requests_of_others_in_the_process_wait_and_are_never_refused_by_us() -> None:
    governor = Governor(60, lambda event: None)
    governor.overhear("api", answer(1, 0.2)[0])
    governor.let_pass("api")
    began = time.monotonic()
    governor.let_pass("api")
    assert time.monotonic() - began >= 0.2
    strict = Governor(0, lambda event: None)
    strict.overhear("api", answer(0, 1000)[0])
    strict.let_pass("api")
    assert strict.waited_s == 0


def test_the_first_request_to_a_hub_finds_out_what_it_allows() -> None:
    governor = Governor(60, lambda event: None)
    governor.admit("api")
    assert not governor._buckets["api"].has_room(time.monotonic())
    governor.learn("api", [])
    assert governor._buckets["api"].has_room(time.monotonic()), "no answer says nothing: the next one asks"
    governor.admit("api")
    governor.learn("api", answer(3, 60))
    assert governor._buckets["api"].has_room(time.monotonic())


def test_a_wait_ends_with_the_last_one_who_waits() -> None:
    entry = Stop()
    governor = Governor(1000, lambda event: None)
    governor.admit("api")
    governor.learn("api", answer(0, 500))
    timer = threading.Timer(0.1, entry.set)
    timer.start()
    with pytest.raises(Interrupted):
        governor.admit("api", entry)
    timer.join()
    waited_s = governor.waited_s
    assert waited_s > 0
    time.sleep(0.1)
    assert governor.waited_s == waited_s
    assert governor._promised_s == pytest.approx(waited_s), "what was not waited for is not counted against max_wait"
