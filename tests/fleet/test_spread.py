"""Who gets a blob from whom; a cluster of any size, without Ray."""

from __future__ import annotations

import random

import pytest

from prewarm.fleet.agreed import AgreedWindows, Ledger
from prewarm.fleet.orders import piece_bytes
from prewarm.fleet.spread import Spread, Take
from prewarm.fleet.topology import fan_out, steps
from prewarm.records.failure import ErrorKind, Failure
from prewarm.records.fleet import PIECE_MAX_BYTES, Brought, Lacking, Took
from prewarm.records.plan import Fetched

MB = 1 << 20


def failure(kind: ErrorKind = "unreachable") -> Failure:
    return Failure(kind=kind, message="no", hint="")


def spread_over(nodes: int, sizes: dict[str, int], has: dict[str, list[str]] | None = None) -> Spread:
    made = Spread()
    for number in range(nodes):
        name = f"n{number}"
        there = (has or {}).get(name, [])
        lacks = {key: size for key, size in sizes.items() if key not in there}
        made.join(name, Lacking(has=frozenset(there), lacks=lacks))
    return made


def fetched(key: str, spread: Spread, node: str, kind: ErrorKind | None = None) -> None:
    spread.brought(node, key, Brought(spent=Fetched(), failure=failure(kind) if kind else None))


def done(spread: Spread, take: Take) -> None:
    spread.took(take, Took(done=take.keys, bytes=0))


def run_all(spread: Spread, nodes: int, *, seed: int = 0, leaves: dict[int, str] | None = None) -> tuple[int, int]:
    """Until nothing is left to do: fetches and takes; at some steps a node leaves."""
    choose = random.Random(seed)
    fetching: list[tuple[str, str]] = []
    taking: list[Take] = []
    gone: set[str] = set()
    fetches = takes = 0
    for step in range(100_000):
        if leaves and step in leaves:
            spread.leave(leaves[step])
            gone.add(leaves[step])
        taking += spread.takes()
        for node in spread.fetchers(1):
            while keys := spread.next_fetch(node):
                fetching += [(node, key) for key in keys]
        spread.settle()
        # No cycle: each waits for what another one has, or is being brought.
        if not fetching and not taking:
            break
        if fetching and (not taking or choose.random() < 0.3):
            node, key = fetching.pop(choose.randrange(len(fetching)))
            if node not in gone:
                fetches += 1
                fetched(key, spread, node)
        else:
            take = taking.pop(choose.randrange(len(taking)))
            takes += take.node not in gone
            if {take.node, take.source} & gone or choose.random() < 0.05:
                spread.took(take, Took(done=(), bytes=0, failure=failure(), is_of_source=True))
            else:
                done(spread, take)
    assert all(spread.is_done(f"n{number}") for number in range(nodes))
    return fetches, takes


@pytest.mark.parametrize("nodes", [1, 2, 4, 64])
def test_each_blob_is_fetched_once(nodes: int) -> None:
    sizes = {f"k{number}": 100 * MB for number in range(20)}
    spread = spread_over(nodes, sizes)
    fetches, takes = run_all(spread, nodes, seed=nodes)
    assert fetches == 20
    assert takes >= 20 * (nodes - 1)
    assert not any(spread.failures(f"n{number}") for number in range(nodes))


@pytest.mark.parametrize("seed", range(20))
def test_nodes_may_leave_at_any_step(seed: int) -> None:
    sizes = {f"k{number}": 100 * MB for number in range(10)}
    spread = spread_over(8, sizes)
    leaves = {step: f"n{number}" for number, step in enumerate(random.Random(seed).sample(range(1, 60), 4))}
    run_all(spread, 8, seed=seed, leaves=leaves)
    for number in range(4, 8):
        assert spread.is_done(f"n{number}")
        assert not spread.failures(f"n{number}")


def test_what_a_node_has_is_not_fetched() -> None:
    spread = spread_over(3, {"k": MB}, {"n1": ["k"]})
    assert spread.fetchers(3) == []
    first = spread.takes()
    assert {take.source for take in first} <= {"n0", "n1", "n2"}
    assert first[0].source == "n1"


def test_who_has_begun_goes_on() -> None:
    spread = Spread()
    spread.join("n0", Lacking(has=frozenset(), lacks={"k": 200 * MB}))
    spread.join("n1", Lacking(has=frozenset(), lacks={"k": 200 * MB}, begun={"k": 100 * MB}))
    assert spread.fetchers(1) == ["n1"]


def test_an_empty_file_is_fetched_as_well() -> None:
    spread = spread_over(2, {"k": 0})
    assert run_all(spread, 2)[0] == 1


def test_one_passes_on_what_still_comes_to_it() -> None:
    spread = spread_over(4, {"k": 6400 * MB})
    assert spread.next_fetch("n0") == ("k",)
    takes = {take.node: take.source for take in spread.takes()}
    # A chain: there are more pieces than nodes, and each uplink carries the blob once.
    assert sorted(takes) == ["n1", "n2", "n3"]
    assert len(set(takes.values())) == 3
    assert "n0" in takes.values()


def test_small_ones_are_not_behind_large_ones() -> None:
    spread = spread_over(2, {"small": 1000, "large": 6400 * MB})
    assert [spread.next_fetch("n0"), spread.next_fetch("n0")] == [("small",), ("large",)]
    assert spread.takes() == []
    fetched("small", spread, "n0")
    assert spread.takes() == [Take(node="n1", keys=("small",), source="n0")]


def test_no_two_nodes_wait_for_each_other() -> None:
    spread = spread_over(2, {"a": 200 * MB, "b": 200 * MB}, {"n0": ["a"], "n1": ["b"]})
    takes = spread.takes()
    assert {(take.node, take.source, take.keys) for take in takes} == {
        ("n0", "n1", ("b",)),
        ("n1", "n0", ("a",)),
    }
    # Its order has failed, while another one takes from it: that one is no source for it.
    spread = spread_over(3, {"k": 200 * MB}, {"n0": ["k"]})
    first = {take.node: take for take in spread.takes()}
    by_source = {take.source: take.node for take in first.values()}
    middle = by_source["n0"]
    last = by_source.get(middle)
    assert last is not None
    spread.leave("n0")
    spread.took(first[middle], Took(done=(), bytes=0, failure=failure(), is_of_source=True))
    assert [take for take in spread.takes() if take.node == middle] == []
    assert spread.next_fetch(middle) == ("k",)


def test_small_ones_come_together() -> None:
    spread = spread_over(
        2, {f"k{number}": 1000 for number in range(50)}, {"n0": [f"k{number}" for number in range(50)]}
    )
    (take,) = spread.takes()
    assert len(take.keys) == 50


def test_a_copy_that_is_wrong_twice_is_none() -> None:
    spread = spread_over(2, {"k": MB}, {"n0": ["k"]})
    damaged = Took(done=(), bytes=0, failure=failure(), is_of_source=True, is_damaged=True)
    (take,) = spread.takes()
    spread.took(take, damaged)
    assert spread.next_fetch("n1") == ()
    (take,) = spread.takes()
    spread.took(take, damaged)
    assert spread.takes() == []
    assert spread.next_fetch("n1") == ("k",)


def test_what_turns_out_to_be_needed_moves_in_the_same_way() -> None:
    spread = spread_over(3, {"k": MB}, {f"n{number}": ["k"] for number in range(3)})
    assert all(spread.is_done(f"n{number}") for number in range(3))
    # One has loaded an entry, which has asked for more: it has that already.
    spread.more("n0", Lacking(has=frozenset(["k", "more"]), lacks={}))
    for node in ("n1", "n2"):
        spread.more(node, Lacking(has=frozenset(["k"]), lacks={"more": MB, "other": 10}))
        assert not spread.is_done(node)
    fetches, takes = run_all(spread, 3)
    assert (fetches, takes >= 2) == (1, True), "what nobody has is fetched once, and all else moves"
    assert all(spread.is_done(f"n{number}") for number in range(3))
    assert not any(spread.failures(f"n{number}") for number in range(3))


def test_another_node_fetches_what_one_cannot() -> None:
    spread = spread_over(3, {"k": MB})
    for node in ("n0", "n1"):
        assert spread.fetchers(1) == [node]
        assert spread.next_fetch(node) == ("k",)
        fetched("k", spread, node, "unreachable")
    assert spread.next_fetch("n2") == ("k",)
    fetched("k", spread, "n2")
    run_all(spread, 3)
    assert not spread.failures("n0")


@pytest.mark.parametrize("kind", ["not-found", "gated", "unauthorized", "rate-limited"])
def test_a_refusal_of_the_hub_is_one_for_all(kind: ErrorKind) -> None:
    spread = spread_over(3, {"k": MB, "other": MB})
    assert spread.next_fetch("n0") == ("k",)
    fetched("k", spread, "n0", kind)
    run_all(spread, 3)
    assert all(set(spread.failures(f"n{number}")) == {"k"} for number in range(3))


def test_a_full_disk_is_one_nodes_trouble() -> None:
    spread = spread_over(2, {"k": MB})
    assert spread.next_fetch("n0") == ("k",)
    fetched("k", spread, "n0", "no-space")
    assert set(spread.failures("n0")) == {"k"}
    assert spread.next_fetch("n1") == ("k",)
    fetched("k", spread, "n1")
    assert spread.is_done("n1")
    spread = spread_over(2, {"k": MB}, {"n0": ["k"]})
    (take,) = spread.takes()
    spread.took(take, Took(done=(), bytes=0, failure=failure("no-space")))
    assert set(spread.failures("n1")) == {"k"}


def test_nobody_waits_for_what_nobody_can_fetch() -> None:
    spread = spread_over(2, {"k": MB})
    for node in ("n0", "n1"):
        assert spread.next_fetch(node) == ("k",)
        fetched("k", spread, node, "unreachable")
    spread.settle()
    assert all(set(spread.failures(node)) == {"k"} for node in ("n0", "n1"))
    assert spread.is_done("n0")


@pytest.mark.parametrize(
    ("pieces", "nodes", "children"), [(240, 1, 1), (240, 63, 1), (80, 63, 1), (1, 3, 1), (80, 999, 2), (240, 999, 2)]
)
def test_a_chain_until_there_are_more_nodes_than_pieces(pieces: int, nodes: int, children: int) -> None:
    assert fan_out(pieces, nodes) == children
    assert steps(pieces, nodes, children) <= steps(pieces, nodes, 3 - children)


def test_pieces_fit_into_the_smallest_store() -> None:
    assert piece_bytes(0) == piece_bytes(100 << 30) == PIECE_MAX_BYTES
    assert piece_bytes(160 * MB) == 10 * MB
    assert piece_bytes(1000) == MB


def test_windows_are_agreed_on() -> None:
    ledger = Ledger()
    faster = iter([True, False])

    def swap(name: str, number: int, value: int) -> bool:
        # Another node is faster, once.
        if next(faster, False):
            assert ledger.swap(name, number, 100)
        return ledger.swap(name, number, value)

    seen: list[int | None] = []

    def work(window: int | None) -> tuple[str, int | None]:
        seen.append(window)
        return "taken", (window or 0) + 1

    assert AgreedWindows(ledger.read, swap).change("api", work) == "taken"
    assert (seen, ledger.read("api")[1]) == ([None, 100], 101)

    def gone(name: str) -> tuple[int, int]:
        raise OSError("nobody there")

    assert AgreedWindows(gone, swap).change("api", work) == "taken"
    assert seen[-1] is None
