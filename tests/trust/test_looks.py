"""What files can do is found, in every wrapping, and ordinary ones are left in peace."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

import malicious
from prewarm.audit import Scanner
from prewarm.audit.look import findings

pytestmark = pytest.mark.models

EVIL, GOOD = malicious.evil(), malicious.good()


@pytest.mark.parametrize("label", EVIL)
def test_what_runs_something_is_found(tmp_path: Path, label: str) -> None:
    name, content = EVIL[label]
    path = tmp_path / "content"
    path.write_bytes(content())
    assert findings(path, name), label
    assert not Path(malicious.MARK).exists()


@pytest.mark.parametrize("label", GOOD)
def test_what_people_have_is_left_in_peace(tmp_path: Path, label: str) -> None:
    name, content = GOOD[label]
    path = tmp_path / "content"
    path.write_bytes(content())
    assert findings(path, name) == []


def test_weights_in_a_format_of_their_own_are_left_in_peace(tmp_path: Path) -> None:
    import random

    numbers = random.Random(7)
    path = tmp_path / "content"
    for _ in range(500):
        path.write_bytes(numbers.randbytes(20_000))
        assert findings(path, "model.bin") == []


def test_the_names_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(malicious.plain())
    (found,) = findings(path, "pytorch_model.bin")
    assert found in ("posix.system", "nt.system")


@pytest.fixture
def scanner(tmp_path: Path) -> Scanner:
    return Scanner(tmp_path, {"PATH": os.environ["PATH"]})


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (b"{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "to an end"),
        (b"{% set a = 'a' * 3000000000 %}{% set b = a ~ a ~ a %}{{ b }}", "memory"),
    ],
)
def test_a_template_without_an_end_is_a_finding(
    tmp_path: Path, scanner: Scanner, template: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prewarm.audit.scanner._FILE_S", 4.0)
    monkeypatch.setattr("prewarm.audit.scanner._START_S", 6.0)
    path = tmp_path / "chat_template.jinja"
    path.write_bytes(template)
    after = tmp_path / "after.bin"
    after.write_bytes(malicious.plain())
    began = time.monotonic()
    (found,) = scanner.look(path, path.name)
    # On a busy machine its time is up before its memory is.
    assert said in found or "broken" in found or "to an end" in found
    assert time.monotonic() - began < 60
    assert scanner.look(after, "after.bin"), "the next file is looked into"
    scanner.close()


def test_a_file_that_breaks_the_process_is_a_finding(
    tmp_path: Path, scanner: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "_scan.py"
    broken.write_text("import sys\nsys.stdin.readline()\n")
    monkeypatch.setattr("prewarm.audit.scanner._SCAN", broken)
    path = tmp_path / "a.bin"
    path.write_bytes(b"a")
    assert scanner.look(path, "a.bin") == ("what looks into it is broken by it",)
    scanner.close()


def test_each_content_is_looked_at_once(tmp_path: Path, scanner: Scanner, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(malicious.plain())
    first = scanner.look(path, "a.bin")
    monkeypatch.setattr(scanner, "_asked", lambda *_: pytest.fail("asked again"))
    assert scanner.look(path, "a.bin") == first
    scanner.close()
