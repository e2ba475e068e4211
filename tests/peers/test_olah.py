"""A mirror that others run (the package olah) between prewarm and the Hub."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.peers.olah_server import olah

from conftest import MINILM, Prewarm
from prewarm.localhub import LocalHub


@pytest.fixture
def mirror(tmp_path: Path, zoo_hub: LocalHub) -> Iterator[str]:
    with olah(sys.executable, zoo_hub.url, zoo_hub.cdn_url) as url:
        yield url


def test_models_come_through_a_mirror(tmp_path: Path, mirror: str) -> None:
    prewarm = Prewarm(tmp_path, mirror)
    prewarm.manifest(
        f'simple = ["{MINILM}", "zoo/bin-sharded"]\n'
        '[[advanced]]\nid = "zoo/custom-code"\ntrust_remote_code = true\n'
        '[[advanced]]\nid = "zoo/none"\nrequired = false\n'
    )
    result = prewarm("--json")
    assert result.code == 0, result.out + result.err
    for repo_id in (MINILM, "zoo/bin-sharded", "zoo/custom-code"):
        assert result.entry(repo_id)["status"] == "proven", result.out
    assert result.entry("zoo/none")["error"]["kind"] in ("not-found", "unauthorized")
    again = prewarm("--json")
    assert {entry["id"]: entry["requests"] for entry in again.report["entries"] if entry["requests"]} == {"zoo/none": 1}


def test_it_stands_in_front_of_a_mirror_of_ours(tmp_path: Path, zoo_hub: LocalHub) -> None:
    """The Hub, a warmed cache that is served, olah, and a machine that knows olah alone."""
    from test_mirror import mirroring

    warmed = Prewarm(tmp_path, zoo_hub.url)
    warmed.manifest(f'simple = ["{MINILM}", "zoo/bin-sharded"]\n')
    assert warmed().code == 0
    (tmp_path / "other").mkdir()
    with mirroring(warmed) as mirror, olah(sys.executable, mirror.url, mirror.url) as url:
        other = Prewarm(tmp_path / "other", url)
        other.manifest((warmed.folder / "prewarm.toml").read_text())
        done = other("--json")
    assert done.code == 0, done.out + done.err
    assert {entry["status"] for entry in done.report["entries"]} == {"proven"}
    assert (other.folder / "prewarm.lock").read_text() == (warmed.folder / "prewarm.lock").read_text()
