"""From single requests to what is told of a step. Changes with what is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from prewarm.records.load import Latency, Step, StepResult, Usage

LEAST_LAG_S = 0.02
_SPOILT_SHARE = 0.1
_STANDING_S = 0.05
_STOOD_SHARE = 0.05
"""Of a step: longer than that the generator may not have stood still, in pieces that a percentile does not see."""
OWN_FAULT = "no more connections from here (ulimit -n)"


@dataclass(frozen=True, slots=True)
class Shot:
    """One request; all times in seconds from the step's start."""

    due_s: float
    sent_s: float
    ended_s: float
    failure: str | None
    """Why it was not answered."""


def result_of(
    step: Step, shots: Sequence[Shot], lags: Sequence[float], duration_s: float, usage: Usage | None
) -> StepResult:
    """What is told of a step.

    Args:
        step: the load.
        shots: every request.
        lags: how late the generator was, each time that it was looked at, in seconds.
        duration_s: of the step.
        usage: what the server took.
    """
    good = [shot for shot in shots if shot.failure is None]
    latency = latency_of([shot.ended_s - shot.due_s for shot in good])
    lag = percentile(sorted(lags), 99)
    spoilt_from = max(LEAST_LAG_S, _SPOILT_SHARE * latency.p95 if latency is not None else 0.0)
    # Until the last answer: those that are on their way at the end of the step count as well.
    until_s = max([duration_s, *(shot.ended_s for shot in good)])
    failures = Counter(shot.failure for shot in shots if shot.failure is not None)
    stood_s = sum(one for one in lags if one > _STANDING_S)
    return StepResult(
        step=step,
        duration_s=duration_s,
        sent=len(shots),
        answered=len(good),
        failures=dict(failures),
        rate=len(good) / until_s,
        latency=latency,
        lag_p99_s=lag,
        is_void=lag > spoilt_from or stood_s > _STOOD_SHARE * duration_s or OWN_FAULT in failures,
        usage=usage,
    )


def latency_of(seconds: Sequence[float]) -> Latency | None:
    """Mean and percentiles; None of nothing."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    return Latency(
        mean=sum(ordered) / len(ordered),
        p50=percentile(ordered, 50),
        p90=percentile(ordered, 90),
        p95=percentile(ordered, 95),
        p99=percentile(ordered, 99),
        max=ordered[-1],
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that ``share`` of 100 are not above, between two of them where it falls there; 0 of nothing."""
    if not ordered:
        return 0.0
    at = (len(ordered) - 1) * share / 100
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)
