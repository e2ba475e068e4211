"""``prewarm lock``: what entries resolve to, and what changes before anything is trusted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from conftest import Prewarm
from prewarm.demo.models import CODE
from prewarm.localhub import LocalHub, Repository

Serve = Callable[..., Repository]
DATA = '[[advanced]]\nid = "org/files"\ninclude = ["*"]\n'
WEIGHTS = b"w" * 3000
CODED = {
    "config.json": json.dumps({
        "model_type": "prewarm_tiny",
        "auto_map": {"AutoConfig": "configuration_tiny.TinyConfig", "AutoModel": "modeling_tiny.TinyModel"},
    }).encode(),
    "model.safetensors": WEIGHTS,
    **{path: text.encode() for path, text in CODE.items()},
}  # fmt: skip
TRUSTED = '[[advanced]]\nid = "org/coded"\ntrust_remote_code = true\n[settings]\nproof = "files"\n'


def told(prewarm: Prewarm, *args: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(prewarm("lock", "--json", *args).out)
    return content


def test_it_resolves_without_downloading_and_the_next_run_lists_nothing(
    prewarm: Prewarm, serve: Serve, hub: LocalHub
) -> None:
    serve()
    prewarm.manifest(DATA)
    result = prewarm("lock")
    assert result.code == 0
    assert "org/files: new, at " in result.out
    assert "2 files, 11.2 kB" in result.out
    assert not prewarm.cache.exists()
    assert len(hub.log.all()) == 1, "one listing"
    hub.log.clear()
    assert prewarm("-q", "--locked").code == 0
    assert not hub.log.all(containing="/api/models")


def test_check_asks_nobody_and_fails_where_the_manifest_has_changed(
    prewarm: Prewarm, serve: Serve, hub: LocalHub
) -> None:
    serve()
    prewarm.manifest(DATA)
    assert prewarm("lock", "--check").code == 1
    assert prewarm("lock", "-q").code == 0
    hub.log.clear()
    up_to_date = prewarm("lock", "--check")
    assert (up_to_date.code, up_to_date.out) == (0, "prewarm.lock is up to date\n")
    prewarm.manifest(DATA.replace('["*"]', '["*.txt"]') + '[[advanced]]\nid = "org/new"\ninclude = ["*"]\n')
    changed = prewarm("lock", "--check")
    assert changed.code == 1
    assert "org/files: not locked" in changed.out
    assert "org/new: not locked" in changed.out
    assert "try: prewarm lock" in changed.out
    assert hub.log.all() == []
    before = (prewarm.folder / "prewarm.lock").read_bytes()
    prewarm.manifest('[[advanced]]\nid = "org/other"\ninclude = ["*"]\n')
    gone = prewarm("lock", "--check")
    assert gone.code == 1
    assert "org/files: no longer in the manifest" in gone.out
    assert (prewarm.folder / "prewarm.lock").read_bytes() == before, "nothing is written"


@pytest.mark.slow
def test_upgrade_shows_commits_files_and_bytes(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    repository = serve(files={"a.txt": b"a" * 100, "b.txt": b"b" * 100, "c.txt": b"c" * 100})
    prewarm.manifest(DATA)
    prewarm("-q")
    old = repository.branches["main"]
    new = repository.commit({"a.txt": b"a" * 100, "b.txt": b"B" * 200, "d.txt": b"d" * 300}).sha
    assert prewarm("lock").out == "prewarm.lock is up to date\n", "without --upgrade it stays"
    would = prewarm("lock", "--upgrade", "--check")
    assert would.code == 1
    assert f"org/files: {old[:7]} → {new[:7]}" in would.out
    assert "  ~ b.txt  200 B\n  - c.txt\n  + d.txt  300 B\n  500 B to fetch\n" in would.out
    assert old in (prewarm.folder / "prewarm.lock").read_text(), "--check writes nothing"
    hub.log.clear()
    content = told(prewarm, "--upgrade")
    assert content["changed"] is True
    (entry,) = content["entries"]
    assert (entry["before"], entry["after"], entry["fetch_bytes"]) == (old, new, 500)
    assert [file["path"] for file in entry["added"]] == ["d.txt"]
    assert [file["path"] for file in entry["changed_files"]] == ["b.txt"]
    assert [file["path"] for file in entry["removed"]] == ["c.txt"]
    assert not hub.log.all(containing="/resolve/"), "the files themselves wait for the next run"
    result = prewarm("--json")
    assert result.entry("org/files")["downloaded_bytes"] == 500
    assert result.entry("org/files")["notes"] == [f"main of org/files was {old[:7]}, and is {new[:7]} now"]


def test_upgrade_of_one_leaves_the_others(prewarm: Prewarm, serve: Serve) -> None:
    first, second = serve("org/files"), serve("org/more")
    prewarm.manifest(DATA + DATA.replace("org/files", "org/more"))
    prewarm("lock", "-q")
    old = second.branches["main"]
    newer = first.commit({"new.txt": b"1"}).sha
    second.commit({"new.txt": b"2"})
    assert prewarm("lock", "--upgrade", "org/files").code == 0
    text = (prewarm.folder / "prewarm.lock").read_text()
    assert newer in text
    assert old in text
    assert prewarm("lock", "--upgrade", "org/nosuch").code == 2


def test_changed_code_is_shown_as_a_diff_that_no_terminal_obeys(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    repository = serve("org/coded", CODED)
    prewarm.manifest(TRUSTED)
    first = prewarm("lock")
    assert "with code that will be run: configuration_tiny.py, layers_tiny.py, modeling_tiny.py" in first.out
    text = (prewarm.folder / "prewarm.lock").read_text()
    for path in ("configuration_tiny.py", "layers_tiny.py", "modeling_tiny.py"):
        assert f'sha256 = "{hashlib.sha256(CODED[path]).hexdigest()}"' in text, path
    old = repository.branches["main"]
    changed = CODE["layers_tiny.py"].replace("* 2", "* 3  # \x1b[2J\u202e")
    new = repository.commit({**CODED, "layers_tiny.py": changed.encode()}).sha
    result = prewarm("lock", "--upgrade")
    assert f"    --- layers_tiny.py ({old[:7]})\n    +++ layers_tiny.py ({new[:7]})\n" in result.out
    assert "    -    return values * 2\n    +    return values * 3  # \ufffd[2J\ufffd\n" in result.out
    assert "\x1b" not in result.out
    assert not hub.log.all(containing="model.safetensors")


def test_code_that_is_not_what_was_locked_is_not_run(prewarm: Prewarm, serve: Serve) -> None:
    serve("org/coded", CODED)
    prewarm.manifest(TRUSTED)
    prewarm("lock", "-q")
    lock = prewarm.folder / "prewarm.lock"
    digest = hashlib.sha256(CODED["layers_tiny.py"]).hexdigest()
    lock.write_text(lock.read_text().replace(digest, "0" * 64))
    result = prewarm("--json")
    error = result.entry("org/coded")["error"]
    assert error["kind"] == "corrupt"
    assert "layers_tiny.py of org/coded is not the code that was locked" in error["message"]


def test_two_revisions_of_one_repository(prewarm: Prewarm, serve: Serve) -> None:
    repository = serve(files={"a.txt": b"old"})
    repository.branches["v1"] = repository.branches["main"]
    repository.commit({"a.txt": b"new!"})
    prewarm.manifest(DATA + DATA.replace('"org/files"', '"org/files"\nrevision = "v1"'))
    assert prewarm("-q").code == 0
    for revision, content in (("main", b"new!"), ("v1", b"old")):
        found = prewarm.python(
            f"from huggingface_hub import hf_hub_download as get\n"
            f"print(open(get('org/files', 'a.txt', revision='{revision}')).read())",
            HF_HUB_OFFLINE="1",
        )
        assert found.out.strip().encode() == content
    assert prewarm("check", "-q").code == 0


def test_a_revision_means_one_commit_for_all_entries_of_a_lock(prewarm: Prewarm, serve: Serve) -> None:
    """Its name in the cache can point at one commit only."""
    repository = serve(files={"a.txt": b"1", "b.txt": b"2"})
    first = '[[advanced]]\nid = "org/files"\nname = "first"\ninclude = ["a.txt"]\n'
    prewarm.manifest(first)
    prewarm("-q")
    old = repository.branches["main"]
    new = repository.commit({"a.txt": b"11", "b.txt": b"22"}).sha
    prewarm.manifest(first + first.replace("first", "second").replace("a.txt", "b.txt"))
    assert prewarm("-q").code == 0
    assert [entry["commit"] for entry in prewarm("check", "--json").report["entries"]] == [old, old]
    assert prewarm("lock", "-q", "--upgrade", "first").code == 0
    assert prewarm("-q", "--locked").code == 0
    assert [entry["commit"] for entry in prewarm("check", "--json").report["entries"]] == [new, new]


@pytest.mark.slow
def test_what_cannot_be_resolved_keeps_its_place_and_is_said(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve()
    prewarm.manifest(DATA)
    prewarm("lock", "-q")
    before = (prewarm.folder / "prewarm.lock").read_text()
    hub.stop()
    result = prewarm("lock", "--upgrade")
    assert result.code == 1
    assert "org/files: unreachable: " in result.out
    assert (prewarm.folder / "prewarm.lock").read_text() == before


@pytest.mark.parametrize("args", [["org/files"], ["--check", "org/files"]])
def test_ids_without_upgrade_are_a_mistake(prewarm: Prewarm, args: list[str]) -> None:
    prewarm.manifest(DATA)
    result = prewarm("lock", *args)
    assert result.code == 2
    assert "prewarm lock --upgrade org/files" in result.err
