"""Who gets a connection: files before helpers."""

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
    with connections.one(STOP):
        assert connections.take_idle()
        assert not connections.take_idle()
        entered = threading.Event()

        def wait() -> None:
            with connections.one(STOP):
                entered.set()

        thread = started(wait)
        while not connections.is_wanted():
            time.sleep(0.001)
        connections.give_back()
        assert entered.wait(5)
        thread.join()
    assert connections.take_idle()
    assert connections.take_idle()


def test_a_file_counts_on_all_of_them_where_nobody_waits() -> None:
    connections = Connections(4)
    with connections.one(STOP):
        assert connections.hands(0) == 4
        threads = [started(lambda: hold(connections, 0.2)) for _ in range(4)]
        while not connections.is_wanted():
            time.sleep(0.001)
        assert connections.hands(0) == 1
        assert connections.hands(2) == 3
    for thread in threads:
        thread.join()


def hold(connections: Connections, seconds: float) -> None:
    with connections.one(STOP):
        time.sleep(seconds)


def test_waiting_ends_when_it_is_stopped() -> None:
    connections, stop = Connections(1), Stop()
    with connections.one(STOP):
        timer = threading.Timer(0.05, stop.set)
        timer.start()
        with pytest.raises(Interrupted), connections.one(stop):
            pass
        timer.join()
    assert connections.take_idle()
