"""What passes through the stages waits in order, holds no thread meanwhile, and ends together."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from prewarm.flow.stages import INSPECTION, PROOF, Stages
from prewarm.flow.stop import Stop
from prewarm.records.errors import Interrupted


def test_proofs_go_in_the_order_in_which_entries_are_whole_and_inspections_before_them() -> None:
    stop, order, is_open = Stop(), list[str](), threading.Event()

    def take(name: str) -> str:
        is_open.wait(10)
        order.append(name)
        return name

    async def entry(name: str, urgency: int, after_s: float) -> str:
        await asyncio.sleep(after_s)
        return await stages.prove(urgency, lambda: take(name))

    async def release() -> str:
        await asyncio.sleep(0.3)
        is_open.set()
        return ""

    with Stages(1, stop) as stages:
        works = [
            entry("third", PROOF, 0.1),
            entry("first", PROOF, 0.0),
            entry("fourth", PROOF, 0.15),
            entry("second", INSPECTION, 0.2),
            release(),
        ]
        assert stages.run(works, stop.set) == ["third", "first", "fourth", "second", ""]
    assert order == ["first", "second", "third", "fourth"]


def test_a_thousand_entries_that_wait_hold_no_threads() -> None:
    stop, is_open, seen = Stop(), threading.Event(), list[int]()

    async def entry(number: int) -> int:
        await stages.plan(lambda: None)
        if number == 999:
            seen.append(threading.active_count())
            is_open.set()
        return await stages.prove(PROOF, lambda: number if is_open.wait(10) else -1)

    before = threading.active_count()
    with Stages(8, stop) as stages:
        assert stages.run([entry(number) for number in range(1000)], stop.set) == list(range(1000))
    assert seen[0] - before < 20


def test_an_error_that_an_entry_does_not_keep_ends_the_others() -> None:
    stop = Stop()

    async def fails() -> None:
        await stages.plan(lambda: time.sleep(0.1))
        raise ZeroDivisionError

    async def waits() -> None:
        def wait() -> None:
            stop.wait(30)
            stop.check()

        await stages.plan(wait)

    with Stages(1, stop) as stages, pytest.raises(ZeroDivisionError):
        stages.run([waits(), fails(), waits()], stop.set)
    assert stop.is_set()


def test_nothing_begins_after_the_end() -> None:
    stop = Stop()

    async def entry() -> None:
        await stages.plan(lambda: pytest.fail("it began"))

    stop.set()
    with Stages(1, stop) as stages, pytest.raises(Interrupted):
        stages.run([entry()], stop.set)


def test_it_runs_where_a_loop_runs_already() -> None:
    async def notebook() -> list[int]:
        async def entry() -> int:
            return await stages.plan(lambda: 1)

        stop = Stop()
        with Stages(1, stop) as stages:
            return stages.run([entry()], stop.set)

    assert asyncio.run(notebook()) == [1]
