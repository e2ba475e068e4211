"""The README says what is so."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from prewarm.manifest import read as manifests
from prewarm.manifest import toml as tomlfile
from prewarm.manifest.settings import resolve

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def test_the_help_is_the_real_one() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "prewarm", "warm", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "100", "TERMINAL_WIDTH": "100"},
    )
    assert shown.stdout in blocks("text")


@pytest.mark.parametrize("text", blocks("toml"))
def test_every_manifest_in_it_is_valid(text: str) -> None:
    manifest = manifests.parse(tomlfile.parse(text), path=Path("prewarm.toml"))
    resolve(manifest.settings, {}, {})


def test_every_key_of_an_entry_is_documented() -> None:
    for key in manifests._KEYS:
        assert f"`{key}`" in TEXT, key
