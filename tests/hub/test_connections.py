"""Who gets a connection: small files before large ones, files before helpers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from prewarm.flow.stop import Stop
from prewarm.hub.connections import Connections
from prewarm.records.errors import Interrupted

STOP = Stop()


def started(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_files_go_before_helpers() -> None:
    connections = Connections(2)
    with connections.one(STOP, is_small=False):
        assert connections.take_idle()
        assert not connections.take_idle()
        entered = threading.Event()

        def wait() -> None:
            with connections.one(STOP, is_small=False):
                entered.set()

        thread = started(wait)
        while not connections.is_wanted():
            time.sleep(0.001)
        connections.give_back()
        assert entered.wait(5)
        thread.join()
    assert connections.take_idle()
    assert connections.take_idle()


def test_a_large_file_steps_aside_for_a_small_one_and_no_other() -> None:
    connections = Connections(1)
    order: list[str] = []

    def come(name: str, *, is_small: bool) -> None:
        with connections.one(STOP, is_small=is_small):
            order.append(name)

    with connections.one(STOP, is_small=False):
        connections.step_aside(STOP)
        threads = [started(lambda: come("large", is_small=False))]
        while not connections.is_wanted():
            time.sleep(0.001)
        connections.step_aside(STOP)
        assert order == []
        threads.append(started(lambda: come("small", is_small=True)))
        while not order:
            connections.step_aside(STOP)
        assert order[0] == "small"
    for thread in threads:
        thread.join()
    assert sorted(order) == ["large", "small"]
    assert connections.take_idle()
    assert not connections.take_idle()


def test_waiting_ends_when_it_is_stopped() -> None:
    connections, stop = Connections(1), Stop()
    with connections.one(STOP, is_small=True):
        timer = threading.Timer(0.05, stop.set)
        timer.start()
        with pytest.raises(Interrupted), connections.one(stop, is_small=True):
            pass
        timer.join()
    assert connections.take_idle()
