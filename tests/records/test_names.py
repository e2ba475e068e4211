"""Names become paths in the cache: what is allowed is what the Hub allows, and nothing leads outside."""

from __future__ import annotations

import subprocess

import pytest
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils._validators import validate_repo_id
from hypothesis import given
from hypothesis import strategies as st

from prewarm.records import names


@given(st.text(alphabet="ab0-_./A é", min_size=0, max_size=12))
def test_a_repo_id_is_one_for_huggingface_hub_too(text: str) -> None:
    try:
        validate_repo_id(text)
    except HFValidationError:
        assert not names.is_repo_id(text)


@pytest.mark.parametrize("text", ["gpt2", "org/name", "google-bert/bert-base-uncased", "org/a.b_c-d", "0x/1"])
def test_real_repo_ids_are_taken(text: str) -> None:
    validate_repo_id(text)
    assert names.is_repo_id(text)


@given(st.text(alphabet="ab/.-~^:?*[\\ @{}lock", min_size=1, max_size=12))
def test_a_revision_is_one_for_git_too(text: str) -> None:
    if names.is_revision(text):
        checked = subprocess.run(["git", "check-ref-format", f"refs/heads/{text}"], check=False)
        assert checked.returncode == 0


@pytest.mark.parametrize("text", ["main", "v1.0", "refs/pr/12", "feature/x", "a" * 40])
def test_real_revisions_are_taken(text: str) -> None:
    assert names.is_revision(text)


@pytest.mark.parametrize("text", ["", "/etc/passwd", "../x", "a/../b", "a//b", "C:/x", "a\\b", "a/\0", "./a", "a/"])
def test_paths_that_lead_elsewhere_are_refused(text: str) -> None:
    assert not names.is_path(text)


def test_hashes_are_whole_and_lower_case() -> None:
    assert names.is_commit("0" * 40)
    assert not names.is_commit("0" * 39)
    assert not names.is_commit("A" * 40)
    assert names.is_sha256("f" * 64)
    assert not names.is_sha256("../" + "f" * 61)
