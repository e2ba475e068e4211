"""A fleet on a real Ray cluster, counted at the Hub: at the cost of one host."""

from __future__ import annotations

from pathlib import Path

import pytest
from telling import told

from conftest import Prewarm

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]

BYTES = 30 * (1 << 20) + sum(range(1, 6))


def test_one_two_and_four_nodes_cost_the_same(tmp_path: Path) -> None:
    found = told(tmp_path, "counts")
    for count in ("1", "2", "4"):
        seen = found[count]
        assert seen["code"] == 0
        # One listing, and one request a file, as on one host.
        assert seen["asked"] == [7, BYTES]
        assert all(seen["whole"].values())
        assert len(seen["whole"]) == int(count)
        totals = seen["report"]["totals"]
        assert (totals["requests"], totals["downloaded_bytes"]) == (7, BYTES)
        assert totals["peer_bytes"] == (int(count) - 1) * BYTES
        assert totals["ready"] == int(count)
    assert found["example"]["words"][:2] == ["--address", "auto"]
    assert found["example"]["code"] == 0, found["example"]["err"]
    # Everything is there, and the Hub is asked nothing.
    assert (found["again"]["code"], found["again"]["asked"]) == (0, [0, 0])
    assert "4 of 4 nodes ready: nothing from the Hub" in found["again"]["out"]
    assert found["lock"]
    assert len(set(found["refs"].values())) == 1
    for said in ("cache: ", "environment: prewarm ", "whether it is ready: prewarm check -m ", "org/files: cached"):
        assert found["table"].count(said) == 4


def test_from_outside_of_the_cluster(tmp_path: Path) -> None:
    found = told(tmp_path, "ray_client")
    assert found["code"] == 0, found["err"]
    assert found["asked"] == [7, 9 * (1 << 20) + 15]
    assert found["whole"] == {"n0": True, "n1": True}


def test_one_node_of_an_environment_loads_the_model(tmp_path: Path, zoo: Path) -> None:
    found = told(tmp_path, "models", zoo)
    one, every, none = found["one"], found["all"], found["none"]
    assert [seen["code"] for seen in found.values()] == [0, 0, 0], [seen["err"] for seen in found.values()]
    assert sorted(node["proved"] for node in one["report"]["nodes"]) == [False, True]
    assert {node["entries"][0]["status"] for node in one["report"]["nodes"]} == {"proven"}
    assert [node["proved"] for node in every["report"]["nodes"]] == [True, True]
    assert {node["entries"][0]["status"] for node in none["report"]["nodes"]} == {"cached"}
    # As a readiness probe asks on the other node.
    assert (one["check"], every["check"], none["check"], none["check_files"]) == (0, 0, 1, 0)
    # The lock is there from the second on: it saves the listing.
    assert [seen["asked"][0] for seen in found.values()] == [6, 5, 5]


def test_one_entrys_trouble_is_its_own(tmp_path: Path) -> None:
    found = told(tmp_path, "failing_entry")
    assert found["code"] == 1
    for node in found["report"]["nodes"]:
        files, none, broken = node["entries"]
        assert (files["status"], files["ready"]) == ("cached", True)
        assert (none["error"]["kind"], none["required"]) == ("not-found", False)
        assert (broken["error"]["kind"], broken["ready"]) == ("not-found", False)
        assert node["error"] is None
    assert "failed  org/broken" in found["check"]["out"]
    assert "cached  org/files" in found["check"]["out"]
    assert "not ready: org/none not-found, org/broken not-found" in found["err"]


def test_bad_input_is_one_error(tmp_path: Path) -> None:
    found = told(tmp_path, "refusals")
    wanted = {
        "no cluster": (1, "no cluster answers at 127.0.0.1:9"),
        "no client server": (1, "no cluster answers at ray://127.0.0.1:9"),
        "no address": (2, "'a b' is no address"),
        "nobody here": (1, "there is no cluster on this machine"),
        "something else": (1, "does not answer as a Ray cluster does"),
        "no such node": (2, "no node is called 'zone=b'"),
        "no runtime env": (2, "/nowhere.json cannot be read"),
        "odd runtime env": (2, "it is no JSON object"),
        "another Ray": (1, "the cluster has another version: Ray "),
        "two at once": (1, "another fleet is at work on this cluster: by "),
        "a broken manifest": (2, "is not valid TOML"),
    }
    assert set(found) == set(wanted)
    # Ray keeps in one place which cluster is this machine's: another test's may stand there, which nobody reaches from here.
    if "the cluster of this machine does not answer" in found["nobody here"]["err"]:
        wanted["nobody here"] = (1, "the cluster of this machine does not answer")
    for name, (code, said) in wanted.items():
        seen = found[name]
        assert (seen["code"], seen["out"]) == (code, ""), (name, seen)
        assert seen["err"].startswith("error: "), (name, seen["err"])
        assert said in seen["err"]
        assert "Traceback" not in seen["err"]
        if name != "a broken manifest":
            assert "\n  try: " in seen["err"], seen["err"]


def test_without_ray_it_says_what_to_install(prewarm: Prewarm) -> None:
    (prewarm.folder / "none").mkdir()
    (prewarm.folder / "none" / "ray.py").write_text("raise ImportError('no', name='ray')")
    prewarm.manifest('simple = ["org/files"]\n')
    done = prewarm("fleet", env={"PYTHONPATH": str(prewarm.folder / "none")})
    assert done.code == 1
    said = "error: a package is missing: ray\n  try: pip install 'hf-prewarm[ray]'\n"
    assert done.err == f"{said}  more: prewarm explain fleet-failed\n"
