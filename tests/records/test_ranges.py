"""Sets of bytes."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from prewarm.records.ranges import add, holes, total

PIECES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=12)


@given(PIECES)
def test_they_are_the_bytes_that_were_added(pieces: list[tuple[int, int]]) -> None:
    found: list[tuple[int, int]] = []
    expected: set[int] = set()
    for start, end in pieces:
        found = add(found, start, end)
        expected |= set(range(start, end))
    assert {byte for start, end in found for byte in range(start, end)} == expected
    assert total(found) == len(expected)
    assert all(first[1] < second[0] for first, second in pairwise(found)), "merged where they touch"
    missing = {byte for start, end in holes(found, 25) for byte in range(start, end)}
    assert missing == set(range(25)) - expected
