"""A run's word ends every entry's work; an entry's its own."""

from __future__ import annotations

import pytest

from prewarm.flow.stop import Stop
from prewarm.records.errors import Interrupted


def test_it_is_passed_down_and_not_up() -> None:
    run = Stop()
    one, other = Stop(run), Stop(run)
    one.set()
    assert (run.is_set(), one.is_set(), other.is_set()) == (False, True, False)
    other.check()
    run.set()
    with pytest.raises(Interrupted):
        other.check()
    assert Stop(run).is_set(), "who comes later as well"
