"""Nodes that die, join, or are not as they should be; lines that flip bytes. The others are made ready all the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from telling import nodes_of, told

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]

MB = 1 << 20
LARGE = 400 * MB + 15


def test_a_node_dies_in_the_middle_of_a_blob(tmp_path: Path) -> None:
    found = told(tmp_path, "killed_receiving")
    assert found["whole"] == dict.fromkeys(found["whole"], True)
    assert len(found["whole"]) == 3
    # As of one host, and as if nobody had died.
    assert found["asked"] == [6, LARGE]
    dead = nodes_of(found["report"])[found["victim"]]
    assert (dead["left"], dead["error"]["kind"]) == (True, "unreachable")
    assert (found["code"], found["report"]["totals"]["ready"]) == (1, 3)


@pytest.mark.parametrize("story", ["killed_fetching", "killed_fetching_unlocked"])
def test_the_node_that_asks_the_hub_dies(tmp_path: Path, story: str) -> None:
    found = told(tmp_path, story)
    assert found["whole"] == dict.fromkeys(found["whole"], True)
    assert len(found["whole"]) == 3
    requests, sent = found["asked"]
    # Another one goes on with what had been passed on: one request more, and what was lost with the node.
    assert requests <= 7 + (story == "killed_fetching_unlocked")
    # Also of who has died, but for the one for the file that came at that moment.
    assert requests - 1 <= found["report"]["totals"]["requests"] <= requests
    fetched = {name: node["downloaded_bytes"] for name, node in nodes_of(found["report"]).items()}
    again = [count for name, count in fetched.items() if name != found["victim"] and count]
    assert len(again) == 1
    assert again[0] < LARGE - 30 * MB
    assert sent < LARGE + 300 * MB
    assert nodes_of(found["report"])[found["victim"]]["left"]


def test_a_byte_flips_between_two_nodes(tmp_path: Path) -> None:
    found = told(tmp_path, "flipped")
    assert found["was_flipped"]
    assert (found["code"], found["asked"]) == (0, [0, 0])
    assert found["whole"] == {"n0": True, "n1": True}


def test_what_a_node_has_is_damaged(tmp_path: Path) -> None:
    found = told(tmp_path, "damaged_holder")
    assert found["code"] == 0
    # Nobody has it from there, and what is there is mended.
    assert found["whole"] == {"n0": True, "n1": True}
    assert found["asked"] == [1, 20 * MB]
    assert nodes_of(found["report"])["n0"]["peer_bytes"] == 20 * MB


def test_an_interrupted_fleet_goes_on(tmp_path: Path) -> None:
    found = told(tmp_path, "resumed")
    first, second = found["interrupted"], found["second"]
    assert first["code"] == 130
    assert "interrupted" in first["err"]
    assert "Traceback" not in first["err"]
    assert second["code"] == 0
    assert second["whole"] == {"n0": True, "n1": True}
    assert second["report"]["totals"]["downloaded_bytes"] < 150 * MB
    assert second["report"]["totals"]["requests"] == 1


def test_several_fetchers_are_held_by_one_governor(tmp_path: Path) -> None:
    found = told(tmp_path, "fetchers")
    assert found["code"] == 0, found["err"]
    # 60 requests where a window has 25: two waits, and nothing refused, or one at the edge of a window on a busy machine.
    assert found["asked"][0] - found["refused"] == 60
    assert found["refused"] <= 1
    asking = [node for node in found["report"]["nodes"] if node["requests"]]
    assert len(asking) == 2
    assert found["report"]["totals"]["waited_s"] > 5


def test_nodes_join_and_leave_while_it_watches(tmp_path: Path) -> None:
    found = told(tmp_path, "watch")
    assert found["code"] == 0, found["err"]
    assert found["whole"] == {"n0": True, "n2": True}
    assert found["asked"][0] == 6
    nodes = nodes_of(found["report"])
    assert (nodes["n2"]["ready"], nodes["n2"]["downloaded_bytes"]) == (True, 0)
    assert (nodes["n1"]["left"], found["report"]["ok"]) == (True, True)


def test_a_node_that_reaches_the_hub_asks_it_for_all(tmp_path: Path) -> None:
    found = told(tmp_path, "unlike_ways")
    locked, unlocked = found["locked"], found["unlocked"]
    assert locked["code"] == 0, locked["err"]
    assert locked["asked"] == [6, 40 * MB + 15]
    assert unlocked["code"] == 0, unlocked["err"]
    assert unlocked["report"]["notes"] == [
        "prewarm.lock cannot be written (Read-only file system): the next run does without it"
    ]


def test_two_nodes_with_one_cache(tmp_path: Path) -> None:
    found = told(tmp_path, "one_cache_for_two")
    assert (found["code"], found["asked"], found["whole"]) == (0, [0, 0], {"n0": True}), found["err"]
    assert "has the cache of" in found["err"]


def test_applications_are_left_out_with_a_word(tmp_path: Path) -> None:
    found = told(tmp_path, "with_an_application")
    assert (found["code"], found["probe"]["code"]) == (0, 0), found
    assert found["report"]["nodes"][0]["notes"] == ["not run on the nodes of a fleet: app"]
    assert "--only" in found["probe"]["words"]


@pytest.mark.parametrize("story", ["killed_process", "hung_process"])
def test_a_process_is_lost_and_its_node_is_not(tmp_path: Path, story: str) -> None:
    found = told(tmp_path, story)
    assert found["code"] == 1
    other = "n1" if found["victim"] == "n0" else "n0"
    assert found["whole"] == {other: True}
    nodes = nodes_of(found["report"])
    assert (nodes[other]["ready"], nodes[found["victim"]]["ready"]) == (True, False)


def test_odd_nodes_are_named_and_the_others_go_on(tmp_path: Path) -> None:
    found = told(tmp_path, "odd_nodes")
    locked, unlocked = found["locked"], found["unlocked"]
    nodes, first = nodes_of(locked["report"]), nodes_of(unlocked["report"])
    for case in (locked, unlocked):
        assert (case["code"], nodes_of(case["report"])["good"]["ready"]) == (1, True)
    # None of those that cannot keep it asks the Hub for it.
    assert locked["asked"] == [6, 12 * MB + 15]
    assert unlocked["asked"][1] == 12 * MB + 15
    assert {name: first[name]["entries"][0]["error"]["kind"] for name in ("full", "fixed")} == {
        name: nodes[name]["entries"][0]["error"]["kind"] for name in ("full", "fixed")
    }
    assert "it has prewarm 0.0.9" in nodes["older"]["error"]["message"]
    assert nodes["none"]["error"]["message"] == "prewarm is not installed there"
    assert '--runtime-env \'{"pip": ["hf-prewarm[ray]==' in nodes["none"]["error"]["hint"]
    (full,), (fixed,) = nodes["full"]["entries"], nodes["fixed"]["entries"]
    assert full["error"]["kind"] == "no-space"
    assert "read-only" in fixed["error"]["message"]
    for said in ("prewarm is not installed there", "no-space", "read-only", "try: make room"):
        assert said in found["people"]


def test_nodes_that_ask_nobody_do_not_keep_another_one_from_asking(tmp_path: Path) -> None:
    found = told(tmp_path, "offline_nodes")
    assert found["code"] == 0, found["err"]
    assert found["whole"] == dict.fromkeys(found["whole"], True)
    assert len(found["whole"]) == 5
    assert found["asked"] == [7, 9 * MB + 15]


def test_what_a_node_has_is_not_fetched_though_nothing_is_locked(tmp_path: Path) -> None:
    found = told(tmp_path, "one_has_it")
    assert found["code"] == 0, found["err"]
    assert found["whole"] == {"n0": True, "n1": True, "n2": True}
    requests, sent = found["asked"]
    assert (requests, sent < MB) == (1, True), "a listing"
    assert nodes_of(found["report"])["n1"]["peer_bytes"] == 0


def test_where_nothing_is_to_be_loaded_nothing_is(tmp_path: Path, zoo: Path) -> None:
    found = told(tmp_path, "never_loaded", zoo)
    assert found["code"] == 0, found["err"]
    (node,) = found["report"]["nodes"]
    assert (node["proved"], node["entries"][0]["status"], node["entries"][0]["ready"]) == (False, "cached", True)
