"""docs/reliability.md says what is tried here, and how much of it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")


def test_the_numbers_are_those_of_the_suite() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", "-p", "no:randomly", "tests/reliability"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = Counter(line.partition("::")[0].rpartition("/")[2] for line in listed.splitlines() if "::" in line)
    del found[Path(__file__).name]
    said = {name: int(count) for count, name in re.findall(r"\| (\d+) \| `tests/reliability/(\w+\.py)` \|", TEXT)}
    assert said == dict(found)
    assert f"**{sum(found.values())}**" in TEXT
