"""Stored sets of cases: what a line may be, and what is told of one that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from prewarm.records.errors import CommandError
from prewarm.records.sample import Expectation
from prewarm.samples import read_cases


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_json_lines_and_csv_say_the_same(tmp_path: Path) -> None:
    lines = write(
        tmp_path,
        "a.jsonl",
        '\ufeff{"id": "org/one", "name": "a", "text": "one, \\"two\\"", "task": "fill-mask", "expect": {"label": "x", '
        '"min_score": 0.5}}\r\n\r\n{"chat": ["a", "b"], "expect": {"contains": ["c", "d"]}}\n{"text": "last"}',
    )
    table = write(
        tmp_path,
        "a.csv",
        "id,name,text,chat,task,expect.label,expect.min_score,expect.contains\r\n"
        'org/one,a,"one, ""two""",,fill-mask,x,0.5,\r\n\r\n,,,"[""a"", ""b""]",,,,"[""c"", ""d""]"\r\n,,last,,,,,\r\n',
    )
    for path in (lines, table):
        first, second, third = read_cases(path)
        assert first.entry == "org/one"
        assert (first.sample.name, first.sample.text, first.sample.task) == ("a", 'one, "two"', "fill-mask")
        assert first.sample.expect == Expectation(label="x", min_score=0.5)
        assert second.entry is None
        assert second.sample.chat == ("a", "b")
        assert second.sample.expect == Expectation(contains=("c", "d"))
        assert third.sample.text == "last"
        assert third.sample.name.startswith("case ")


@pytest.mark.parametrize(
    ("name", "content", "place", "said"),
    [
        ("a.jsonl", '{"text": "a"}\n{"text": \n', "a.jsonl:2", "no JSON"),
        ("a.jsonl", '{"text": "a"}\n\n[1]\n', "a.jsonl:3", "no JSON object"),
        ("a.jsonl", "[" * 100_000, "a.jsonl:1", "no JSON"),
        ("a.jsonl", '{"text": "a"}\n{"txt": "a"}', "a.jsonl:2.txt", "unknown key"),
        ("a.jsonl", '{"text": "a", "expect": {"like": 1}}', "a.jsonl:1.expect.like", "unknown expectation"),
        ("a.jsonl", '{"text": "a", "expect": {"nearest": "b"}}', "a.jsonl:1.expect.nearest", "stands alone"),
        ("a.jsonl", '{"id": 3, "text": "a"}', "a.jsonl:1", "the id is no string"),
        ("a.jsonl", '{"name": "x", "text": "a"}\n{"name": "x", "text": "b"}', "a.jsonl:2", "'x' is also line 1"),
        ("a.jsonl", '{"text": "\\ud800"}', "a.jsonl:1.text", "half a character"),
        ("a.csv", "text,text\na,b\n", "a.csv:1", "names no columns, or one twice"),
        ("a.csv", "text,name\na\n", "a.csv:2", "has 1 fields, and the first has 2"),
        ("a.csv", 'text\n"a\n', "a.csv:2", "no CSV"),
        ("a.csv", "text,expect.min_score\na,high\n", "a.csv:2.expect.min_score", "'high' is no number"),
        ("a.csv", "chat\n[1\n", "a.csv:2.chat", "is no JSON"),
        ("a.csv", "text,expect,expect.label\na,[1],x\n", "a.csv:2.expect", "no table"),
        ("a.jsonl", '{"text": ' + "1" * 5000 + "}", "a.jsonl:1", "a number in it is too large"),
        ("a.jsonl", '{"name": "\\ud800", "text": "a"}', "a.jsonl:1.name", "half a character"),
        ("a.jsonl", '{"image": "' + "a" * 5000 + '"}', "a.jsonl:1.image", "no path of a file"),
    ],
)
def test_a_line_that_is_no_case_is_named_by_its_number(
    tmp_path: Path, name: str, content: str, place: str, said: str
) -> None:
    with pytest.raises(CommandError) as raised:
        read_cases(write(tmp_path, name, content))
    assert raised.value.place == place
    assert said in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "has no cases"), (b"\n \n", "has no cases"), (b"\xff\xfe", "UTF-8")]
)
def test_a_file_without_cases_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        read_cases(write(tmp_path, "a.jsonl", content))
    with pytest.raises(CommandError, match="cannot be read"):
        read_cases(tmp_path / "lost.jsonl")
