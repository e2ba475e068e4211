"""Whatever goes wrong over Xet, no wrong byte is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from random_faults import whatever_goes_wrong

from prewarm.localhub import LocalHub


@pytest.mark.slow
@pytest.mark.parametrize(
    "seed",
    [pytest.param(seed, marks=[pytest.mark.exhaustive] if seed >= 40 else []) for seed in range(0, 200, 5)],
)
def test_no_wrong_byte_is_kept(seed: int, hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whatever_goes_wrong(seed, "xet", hub, tmp_path, monkeypatch)
