"""Flags over variables over the manifest over defaults."""

from __future__ import annotations

import pytest

from prewarm.manifest.settings import Settings, duration_s, resolve
from prewarm.records.errors import SettingsError


def test_the_nearer_word_counts() -> None:
    table = {"workers": 2, "max_wait": "1m", "proof": "files"}
    environ = {"PREWARM_WORKERS": "3", "PREWARM_MAX_WAIT": "", "OTHER": "x"}
    flags = {"workers": "4", "max_wait": None}
    assert resolve({}, {}, {}) == Settings()
    assert resolve(table, {}, {}) == Settings(workers=2, max_wait_s=60, proof="files")
    assert resolve(table, environ, {}).workers == 3
    settled = resolve(table, environ, flags)
    assert (settled.workers, settled.max_wait_s, settled.proof) == (4, 60, "files")


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), (90, 90), ("1.5m", 90), ("2h", 7200), ("0s", 0), (0.5, 0.5)])
def test_durations(text: object, seconds: float) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "5d", "-3", -3, True, None, [1]])
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        duration_s(text)


@pytest.mark.parametrize(
    ("table", "environ", "flags", "place"),
    [
        ({"workers": 1.5}, {}, {}, "settings.workers"),
        ({}, {"PREWARM_WORKERS": "many"}, {}, "PREWARM_WORKERS"),
        ({}, {}, {"max_wait": "never"}, "--max-wait"),
        ({"workers": True}, {}, {}, "settings.workers"),
        ({}, {"PREWARM_PROOF": "LOAD"}, {}, "PREWARM_PROOF"),
    ],
)
def test_a_wrong_value_names_its_place(
    table: dict[str, object], environ: dict[str, str], flags: dict[str, str], place: str
) -> None:
    with pytest.raises(SettingsError) as error:
        resolve(table, environ, flags)
    assert error.value.place == place
