"""The quick way to read a lock gives what the TOML parser gives, or nothing."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from prewarm.lock import file as locks
from prewarm.lock import lines as locklines
from prewarm.manifest import toml as tomlfile
from prewarm.records.entry import Entry
from prewarm.records.listing import Digest, RepoFile
from prewarm.records.lock import Lock, LockedEntry, LockedRepo

WORDS = st.text(string.ascii_letters + string.digits + ' ._-/"\\\n\tüñ€\x7f#=[]{}', min_size=1, max_size=20)
HEX = "0123456789abcdef"
CODE = st.sampled_from(["", "a" * 64])


@st.composite
def files(draw: st.DrawFn) -> RepoFile:
    if draw(st.booleans()):
        digest = Digest(algorithm="sha256", value=draw(st.text(HEX, min_size=64, max_size=64)))
    else:
        digest = Digest(algorithm="git-sha1", value=draw(st.text(HEX, min_size=40, max_size=40)))
    return RepoFile(path=draw(WORDS), size=draw(st.integers(0, 10**13)), digest=digest, code_sha256=draw(CODE))


@st.composite
def written(draw: st.DrawFn) -> Lock:
    entries = []
    for number in range(draw(st.integers(0, 3))):
        entry = Entry(id=f"org/{number}", revision=draw(WORDS))
        repos = [
            LockedRepo(
                repo=entry.repo,
                commit="c" * 40,
                files=tuple(draw(st.lists(files(), max_size=4))),
                served_as=draw(st.sampled_from(["", "org/new"])),
                absent=tuple(draw(st.lists(WORDS, max_size=3))),
            )
            for _ in range(draw(st.integers(1, 2)))
        ]
        entries.append(LockedEntry(entry=entry, repos=tuple(repos)))
    return Lock(entries=tuple(entries))


@given(written())
def test_it_gives_what_toml_gives_or_nothing(lock: Lock) -> None:
    text = locks.dump(lock)
    quick = locklines.parse(text)
    assert quick in (None, tomlfile.parse(text))


@given(written(), st.data())
def test_so_it_does_for_a_text_that_somebody_has_changed(lock: Lock, data: st.DataObject) -> None:
    lines = locks.dump(lock).split("\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    how = data.draw(st.sampled_from(["drop", "twice", "swap", "cut", "spaces"]))
    if how == "drop":
        del lines[at]
    elif how == "twice":
        lines.insert(at, lines[at])
    elif how == "swap":
        lines[at], lines[-1 - at] = lines[-1 - at], lines[at]
    elif how == "cut":
        lines[at] = lines[at][: len(lines[at]) // 2]
    else:
        lines[at] = f"  {lines[at]}  "
    text = "\n".join(lines)
    quick = locklines.parse(text)
    if quick is not None:
        assert quick == tomlfile.parse(text)


def test_an_ordinary_lock_is_read_the_quick_way() -> None:
    file = RepoFile(path="a/b.json", size=3, digest=Digest(algorithm="sha256", value="a" * 64))
    entry = Entry(id="org/a")
    repo = LockedRepo(repo=entry.repo, commit="c" * 40, files=(file,), absent=("vocab.txt", "x.json"))
    text = locks.dump(Lock(entries=(LockedEntry(entry=entry, repos=(repo,)),)))
    assert locklines.parse(text) == tomlfile.parse(text)
