"""Entries into a manifest that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from prewarm.manifest import edit, read
from prewarm.manifest import toml as tomlfile

BEFORE = """\
# What the application needs.
simple = [
  "org/one",   # the small one
]

[settings]   # ours
workers = 4

[[advanced]]
id = "org/two"
model_class = "AutoModelForCausalLM"   # it chats
"""


def test_comments_and_order_are_kept() -> None:
    added = [{"id": "org/three"}, {"id": "org/four", "revision": "v1"}, {"id": "org/five", "task": "fill-mask"}]
    text = edit.with_entries(BEFORE, added)
    for line in BEFORE.splitlines():
        assert line.rstrip("]").strip() in text
    found = tomlfile.parse(text)
    assert found["simple"] == ["org/one", "org/three", "org/four@v1"]
    assert [table["id"] for table in found["advanced"]] == ["org/two", "org/five"]
    assert found["settings"] == {"workers": 4}


def test_what_stands_there_is_not_written_again() -> None:
    entries = [{"id": "org/one"}, {"id": "org/two", "model_class": "AutoModelForCausalLM"}]
    assert edit.with_entries(BEFORE, entries) == BEFORE


@pytest.mark.parametrize(
    "before",
    [
        "",
        "# nothing yet\n",
        "[settings]\nworkers = 2\n",
        '[[advanced]]\nid = "org/two"\n',
        '# first\n[settings]  # ours\nworkers = 2\n\n# second\n[[advanced]]\nid = "org/two"\ninclude = ["a"]\n',
        "simple = []\n",
    ],
)
def test_a_simple_entry_finds_its_place(before: str) -> None:
    text = edit.with_entries(before, [{"id": "org/new"}])
    found = tomlfile.parse(text)
    assert found.pop("simple") == ["org/new"]
    old = tomlfile.parse(before)
    old.pop("simple", None)
    assert found == old
    for line in before.splitlines():
        assert line in text or line == "simple = []"


def test_keywords_are_inline_tables() -> None:
    text = edit.with_entries("", [{"id": "org/new", "model_kwargs": {"device": "cpu", "inner": {"a": 1}}}])
    assert "model_kwargs = {" in text
    assert tomlfile.parse(text)["advanced"][0]["model_kwargs"] == {"device": "cpu", "inner": {"a": 1}}


def test_pyproject_gets_them_below_tool_prewarm(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    before = '[project]\nname = "x"   # mine\n'
    path.write_text(edit.with_entries(before, [{"id": "org/new"}, {"id": "org/two", "task": "fill-mask"}], tool=True))
    assert before in path.read_text()
    assert [entry.id for entry in read.load(path).entries] == ["org/new", "org/two"]
    again = edit.with_entries(path.read_text(), [{"id": "org/more"}], tool=True)
    assert tomlfile.parse(again)["tool"]["prewarm"]["simple"] == ["org/new", "org/more"]
