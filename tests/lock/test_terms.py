"""License and gating: what the Hub says of them stands in the lock, and a change of it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from conftest import TOKEN, Prewarm
from prewarm.hub.listing import parse_info
from prewarm.localhub import LocalHub, Repository
from prewarm.records.listing import Repo

Serve = Callable[..., Repository]
DATA = '[[advanced]]\nid = "org/files"\ninclude = ["*"]\n'
COMMIT = "a" * 40


def test_they_are_locked_read_again_and_their_change_is_told(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    repository = serve(license="apache-2.0")
    prewarm.manifest(DATA)
    assert prewarm("-q").code == 0
    lock = prewarm.folder / "prewarm.lock"
    assert 'license = "apache-2.0"\n' in lock.read_text()
    assert "gated" not in lock.read_text()
    assert prewarm("lock", "--check").code == 0
    repository.license, repository.gated = "cc-by-nc-4.0", "auto"
    hub.access.members["org/files"] = {"tester"}
    prewarm.environ["HF_TOKEN"] = TOKEN
    told = prewarm("lock", "--upgrade").out
    assert "org/files: its license was apache-2.0, and is cc-by-nc-4.0" in told, "at the same commit as well"
    assert "it is gated now" in told
    assert 'license = "cc-by-nc-4.0"\ngated = true\n' in lock.read_text()
    assert prewarm("check").code == 0


@pytest.mark.parametrize(
    ("said", "license_"),
    [
        ({"cardData": {"license": "mit"}}, "mit"),
        ({"cardData": {"license": ["mit", "apache-2.0"]}}, "mit, apache-2.0"),
        ({"cardData": {}, "tags": ["pytorch", "license:bsd-3-clause"]}, "bsd-3-clause"),
        ({"tags": ["license:other"]}, "other"),
        ({}, ""),
        ({"cardData": {"license": {"a": 1}}, "tags": 3}, ""),
        ({"cardData": {"license": 'mit"\x1b[31m\n'}}, ""),
        ({"cardData": {"license": "x" * 500}}, ""),
        ({"cardData": [], "tags": [None, 3, {}]}, ""),
    ],
)
def test_what_the_hub_says_of_a_license_is_looked_at(said: dict[str, Any], license_: str) -> None:
    info = parse_info(Repo(repo_id="org/a"), {"sha": COMMIT, "siblings": [], **said})
    assert info.listing.license == license_


@pytest.mark.parametrize("line", ["license = 3\n", 'gated = "yes"\n'])
def test_a_lock_with_something_else_is_damaged(prewarm: Prewarm, serve: Serve, line: str) -> None:
    serve()
    prewarm.manifest(DATA)
    assert prewarm("-q").code == 0
    lock = prewarm.folder / "prewarm.lock"
    lock.write_text(lock.read_text().replace("files = [", f"{line}files = ["))
    done = prewarm("check")
    assert done.code == 2
    assert "the lock is damaged here" in done.err
