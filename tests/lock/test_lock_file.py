"""The lock: written for review, read with suspicion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from prewarm.lock import file as locks
from prewarm.manifest import toml as tomlfile
from prewarm.records.entry import Entry, Manifest
from prewarm.records.errors import LockError
from prewarm.records.listing import Digest, Repo, RepoFile
from prewarm.records.lock import Lock, LockedEntry, LockedRepo

WEIGHTS = RepoFile(path="sub/model.safetensors", size=10, digest=Digest(algorithm="sha256", value="a" * 64))
CONFIG = RepoFile(path='odd "name" é.json', size=2, digest=Digest(algorithm="git-sha1", value="b" * 40))
ENTRY = Entry(id="org/a", model_kwargs={"x": {"y": 1}}, include=("*",))
LOCKED = LockedEntry(
    entry=ENTRY,
    repos=(
        LockedRepo(repo=Repo(repo_id="org/a"), commit="c" * 40, files=(CONFIG, WEIGHTS), served_as="org/renamed"),
        LockedRepo(repo=Repo(repo_id="org/base", revision="dev"), commit="d" * 40, files=(WEIGHTS,)),
    ),
)


def read(tmp_path: Path, text: str, *entries: Entry) -> Lock:
    (tmp_path / "prewarm.lock").write_text(text, encoding="utf-8")
    manifest = Manifest(path=tmp_path / "prewarm.toml", entries=entries or (ENTRY,))
    return locks.load(tmp_path / "prewarm.lock", manifest)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    other = replace(LOCKED, entry=Entry(id="org/b"))
    text = locks.dump(Lock(entries=(other, LOCKED)))
    assert tomlfile.parse(text)["schema"] == 1
    found = read(tmp_path, text, ENTRY, other.entry)
    assert set(found.entries) == {LOCKED, other}


def test_the_order_is_stable_and_a_file_is_a_line() -> None:
    other = replace(LOCKED, entry=Entry(id="org/b"))
    shuffled = replace(LOCKED, repos=(replace(LOCKED.repos[0], files=(WEIGHTS, CONFIG)), LOCKED.repos[1]))
    text = locks.dump(Lock(entries=(LOCKED, other)))
    assert text == locks.dump(Lock(entries=(other, shuffled)))
    assert sum("model.safetensors" in line for line in text.splitlines()) == 4


def test_a_changed_entry_is_noticed_and_a_changed_description_is_not(tmp_path: Path) -> None:
    text = locks.dump(Lock(entries=(LOCKED,)))
    assert locks.find(read(tmp_path, text), replace(ENTRY, description="new", required=False)) is not None
    for changed in (replace(ENTRY, revision="v2"), replace(ENTRY, variant="fp16"), replace(ENTRY, model_kwargs={})):
        assert locks.find(read(tmp_path, text, ENTRY, changed), changed) is None


def test_an_entry_that_left_the_manifest_is_left_out(tmp_path: Path) -> None:
    assert read(tmp_path, locks.dump(Lock(entries=(LOCKED,))), Entry(id="org/other")).entries == ()


GOOD = locks.dump(Lock(entries=(LOCKED,)))


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (GOOD.replace("schema = 1", "schema = 2"), "is of schema 2, and this prewarm knows 1", "pip install -U"),
        (GOOD.replace("schema = 1", ""), "names no schema", "delete it"),
        ("<<<<<<< HEAD\n" + GOOD, "has a merge conflict", "git checkout --ours"),
        (GOOD[:200], "is not valid TOML", "delete it"),
        (GOOD.replace("c" * 40, "main"), "entry[0].repo[0]: the lock is damaged here", "delete it"),
        (GOOD.replace("sub/model", "../../model"), "entry[0].repo[0].files[1]: the lock is damaged", "delete it"),
        (GOOD.replace("a" * 64, "../evil"), "files[1]: the lock is damaged", "delete it"),
        (GOOD.replace("size = 10", "size = -1"), "files[1]: the lock is damaged", "delete it"),
        (GOOD.replace('revision = "dev"', 'revision = "../x"'), "entry[0].repo[1]: the lock is damaged", "delete it"),
        (GOOD.replace("[[entry]]", "[entry]"), "the lock is damaged here", "delete it"),
        ("schema = 1\n[[entry]]\n", "entry[0].digest: the lock is damaged", "delete it"),
    ],
)
def test_a_bad_lock_says_what_to_do(tmp_path: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(LockError) as error:
        read(tmp_path, text)
    assert message in str(error.value)
    assert hint in error.value.hint
    assert error.value.exit_code == 2
