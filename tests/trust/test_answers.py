"""A process that loads, and answers what nobody asked: by a stand-in for it, since its own code does not."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from prewarm.proof.confinement import Confining
from prewarm.proof.worker import Worker
from prewarm.records.errors import ProofError
from prewarm.worker.confine import Wanted
from prewarm.worker.supervised import Bounds

ANSWER = (
    '{"model": "M", "processor": null, "dtype": null, "parameters": 1, "load_s": 0.1, "peak_rss_bytes": 1, "notes": [], '
    '"network_attempts": [], "looked_for": []}'
)
STAND_IN = """
import sys
print('{"by": ["limits"], "lacks": []}', flush=True)
for line in sys.stdin:
    path = line.strip()
    open(path + ".answer", "w").write(ANSWER)
    RING
"""
ONCE = "print(path, flush=True)"


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    script = tmp_path / "worker.py"
    script.write_text(STAND_IN.replace("ANSWER", repr(ANSWER)).replace("RING", request.param))
    monkeypatch.setattr("prewarm.proof.worker._WORKER", script)
    confining = Confining(mode="strongest", wanted=Wanted(), bounds=Bounds(), folder=None)
    made = Worker(
        environ=os.environ, token=None, cache=tmp_path, timeout_s=20, python=sys.executable, confining=confining
    )
    yield made
    made.close()


class Question:
    """As much of a request as is sent."""


@pytest.mark.parametrize("worker", [ONCE], indirect=True)
def test_a_right_answer_is_taken_and_the_first_word_is_what_holds_it(worker: Worker) -> None:
    assert worker.ask(Question())["model"] == "M"  # type: ignore[arg-type]
    assert worker.confinement.by == ("limits",)
    assert worker.ask(Question())["model"] == "M"  # type: ignore[arg-type]


@pytest.mark.parametrize("worker", [f"{ONCE}; {ONCE}"], indirect=True)
def test_an_answer_before_the_question_is_a_failure(worker: Worker) -> None:
    import time

    worker.ask(Question())  # type: ignore[arg-type]
    time.sleep(0.5)
    with pytest.raises(ProofError, match="before it was asked"):
        worker.ask(Question())  # type: ignore[arg-type]
    assert worker.ask(Question())["model"] == "M", "the next one has a process of its own"  # type: ignore[arg-type]


@pytest.mark.parametrize("worker", ["print('another', flush=True)"], indirect=True)
def test_an_answer_to_another_question_is_a_failure(worker: Worker) -> None:
    with pytest.raises(ProofError, match="no answer that can be read"):
        worker.ask(Question())  # type: ignore[arg-type]


@pytest.mark.parametrize("worker", ["sys.exit(3)"], indirect=True)
def test_an_end_is_told(worker: Worker) -> None:
    with pytest.raises(ProofError, match="died with exit code 3"):
        worker.ask(Question())  # type: ignore[arg-type]


@pytest.mark.parametrize(("code", "said"), [(113, "of memory"), (114, "processes"), (115, "of files")])
def test_a_bound_that_was_passed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, said: str) -> None:
    from prewarm.proof.death import how_it_died

    bounds = Bounds(memory_bytes=10**9, processes=8, folder_bytes=10**6)
    error = how_it_died(code, "", Confining(mode="strongest", wanted=Wanted(), bounds=bounds, folder=None))
    assert said in error.message
