"""Ranges are handed out in order, in equal parts, and each byte once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prewarm.hub.shares import ALONE_BYTES, RANGE_MAX_BYTES, RANGE_MIN_BYTES, Share, Shares
from prewarm.records.ranges import Range

SIZES = st.integers(0, 200_000_000)


def taken(hands: int, missing: list[Range], *, is_divided: bool = True) -> list[Share]:
    shares = Shares(is_divided=is_divided)
    shares.put(missing)
    found = []
    while (share := shares.take(hands)) is not None:
        found.append(share)
    return found


@given(st.integers(1, 64), st.lists(SIZES, min_size=1, max_size=12, unique=True))
def test_every_byte_is_handed_out_once_and_in_order(hands: int, edges: list[int]) -> None:
    edges.sort()
    missing = [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=False)]
    found = [(share.start, share.end) for share in taken(hands, missing)]
    assert found == sorted(found)
    joined: list[Range] = []
    for start, end in found:
        assert start < end
        if joined and joined[-1][1] == start and (start, end) not in missing and start not in edges:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    assert joined == missing


def test_one_alone_takes_few_and_leaves_some_for_those_who_may_come() -> None:
    assert [share.end - share.start for share in taken(1, [(0, 25_000_000)])] == [ALONE_BYTES] * 2 + [8_222_784]
    shares = Shares(is_divided=True)
    shares.put([(0, 25_000_000)])
    shares.take(1)
    later = shares.take(4)
    assert later is not None
    assert later.end - later.start < (25_000_000 - ALONE_BYTES) / 4


def test_a_file_that_is_not_divided_is_taken_at_once() -> None:
    assert len(taken(8, [(0, 25_000_000)], is_divided=False)) == 1


def test_connections_of_one_speed_end_together_after_few_ranges() -> None:
    sizes = [share.end - share.start for share in taken(8, [(0, 300_000_000)])]
    assert len(sizes) <= 26
    assert len(set(sizes[:8])) == len(set(sizes[8:16])) == 1
    assert sizes[0] > sizes[8] > sizes[16]


def test_ranges_have_bounds() -> None:
    sizes = [share.end - share.start for share in taken(8, [(0, 10_000_000_000)])]
    assert max(sizes) == RANGE_MAX_BYTES
    assert min(sizes[:-1]) >= RANGE_MIN_BYTES


def test_without_ranges_one_takes_what_is_left() -> None:
    shares = Shares(is_divided=True)
    shares.put([(0, 100_000_000)])
    first = shares.take(4)
    assert first is not None
    shares.take_rest(first)
    assert (first.start, first.end) == (0, 100_000_000)
    assert shares.take(4) is None
    assert not shares.has_more()
