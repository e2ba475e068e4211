"""Each kind of error has a page, each error names its own, and each page is one that an error can name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from conftest import Prewarm
from prewarm.records import errors
from prewarm.records.failure import ErrorKind
from prewarm.records.messages import ENTRY_KINDS, MESSAGES

MORE = re.compile(r"^  more: prewarm explain ([a-z-]+)$", re.MULTILINE)


def tree(root: type[errors.PrewarmError]) -> list[type[errors.PrewarmError]]:
    return [root, *(found for child in root.__subclasses__() for found in tree(child))]


def test_there_is_a_page_for_each_kind_and_no_other() -> None:
    assert set(ENTRY_KINDS) == set(get_args(ErrorKind))
    ending = {one.kind for one in tree(errors.PrewarmError) if not issubclass(one, errors.EntryError)}
    assert set(MESSAGES) == {*get_args(ErrorKind), *ending, "bad-usage"}


def test_errors_that_end_a_command_have_a_kind_of_their_own() -> None:
    leaves = [one for one in tree(errors.PrewarmError) if not one.__subclasses__() or one is errors.ManifestError]
    kinds = [one.kind for one in leaves if not issubclass(one, errors.EntryError)]
    assert len(kinds) == len(set(kinds))
    assert "internal" not in kinds


@pytest.mark.parametrize("kind", MESSAGES)
def test_the_page_has_what_it_means_and_what_helps(prewarm: Prewarm, kind: str) -> None:
    done = prewarm("explain", kind)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == kind
    assert max(map(len, lines)) <= 80
    assert "`" not in done.out
    assert done.out.count("try:") == len(MESSAGES[kind].causes) > 0
    assert done.out.rstrip().endswith(MESSAGES[kind].goes_on.replace("`", "")[-15:])


def test_without_a_kind_all_are_named(prewarm: Prewarm) -> None:
    done = prewarm("explain")
    assert [line.split()[0] for line in done.out.splitlines() if line[0] != " "] == list(MESSAGES)


def test_a_wrong_kind_is_told_the_nearest(prewarm: Prewarm) -> None:
    done = prewarm("explain", "gatd")
    assert done.code == 2
    assert "did you mean 'gated'?" in done.err


@pytest.mark.parametrize(
    ("words", "manifest", "kind"),
    [
        (["check"], None, "no-manifest"),
        (["check"], "simpel = []", "bad-manifest"),
        (["check"], 'simple = ["org/a"]\n[settings]\nworkers = 0', "bad-setting"),
        (["--locked"], 'simple = ["org/a"]', "bad-lock"),
        (["run", "--", "no-such-command"], 'simple = ["org/a"]', "bad-command"),
        (["--no-such-option"], None, "bad-usage"),
        (["no-such-command"], None, "bad-usage"),
        (["serve", "org/a"], 'simple = ["org/a"]', "bad-command"),
        (["unbundle", "prewarm.toml"], 'simple = ["org/a"]', "bundle-failed"),
        (["history"], 'simple = ["org/a"]\n[settings]\nhistory = "prewarm.toml"', "history-failed"),
    ],
)
def test_an_error_names_its_page(prewarm: Prewarm, words: list[str], manifest: str | None, kind: str) -> None:
    prewarm.folder.mkdir(exist_ok=True)
    if manifest is not None:
        (prewarm.folder / "prewarm.toml").write_text(manifest)
    done = prewarm(*words)
    assert done.code in (1, 2)
    assert MORE.findall(done.err) == [kind], done.err
    assert prewarm("explain", kind).code == 0


def test_what_failed_of_an_entry_names_its_page_once(prewarm: Prewarm) -> None:
    prewarm.manifest('simple = ["none/a", "none/b"]')
    done = prewarm()
    assert done.code == 1
    assert MORE.findall(done.out) == ["not-found"]
    assert MORE.findall(prewarm("-q").err) == ["not-found"]


@pytest.mark.parametrize("words", [["lock"], ["lock", "--upgrade"], ["export", "none/a"], ["try", "none/a"]])
def test_other_reports_name_it_as_well(prewarm: Prewarm, words: list[str]) -> None:
    prewarm.manifest('[[advanced]]\nid = "none/a"\n[[advanced.sample]]\ntext = "a"\n')
    done = prewarm(*words)
    assert done.code == 1, done.err
    assert set(MORE.findall(done.out + done.err)) == {"not-found"}, done.out + done.err


def test_the_pages_of_the_site_are_these() -> None:
    page = (Path(__file__).parents[2] / "docs" / "messages.md").read_text(encoding="utf-8")
    assert re.findall(r"^## `([a-z-]+)`$", page, re.MULTILINE) == list(MESSAGES)
