"""What a load test found. Changes with what is measured of a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

LoadKind = Literal["concurrency", "rate"]
"""``concurrency``: so many wait for an answer at any time (closed loop); ``rate``: so many a second are sent, whether
the ones before were answered or not (open loop)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One load that is put on a server."""

    kind: LoadKind
    value: float
    """Requests at a time, or requests a second."""

    @property
    def name(self) -> str:
        """In words."""
        return f"{self.value:g} at a time" if self.kind == "concurrency" else f"{self.value:g}/s"


@dataclass(frozen=True, kw_only=True, slots=True)
class Latency:
    """Seconds from when requests were due to their answers."""

    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What the server's processes took, together."""

    cpu_cores: float
    """Processors, on average."""
    rss_bytes: int
    """The greatest resident memory."""
    gpu_share: float | None = None
    """Of the GPU's time, on average; None: there is none, or nobody tells."""
    gpu_bytes: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StepResult:
    """What came of one step."""

    step: Step
    duration_s: float
    sent: int
    answered: int
    """With a status of 2xx."""
    failures: Mapping[str, int] = field(default_factory=dict, hash=False)
    """By reason."""
    rate: float
    """Answers a second, within the step."""
    latency: Latency | None
    """Of those that were answered; None: none was."""
    lag_p99_s: float
    """How late the generator itself was, in seconds: 99 of 100 requests were less."""
    is_void: bool = False
    """Whether the generator was so late, or so short of something, that the step says little of the server."""
    usage: Usage | None = None
    """None: nobody tells, as of a server elsewhere."""

    @property
    def errors(self) -> float:
        """The share of requests without an answer."""
        return (self.sent - self.answered) / self.sent if self.sent else 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """One part of what is wanted: ``p95<200ms``."""

    metric: str
    sign: Literal["<", "<=", ">", ">="]
    value: float
    """Seconds, a share, or answers a second."""
    said: str

    def holds(self, result: StepResult) -> bool:
        """Whether a step keeps it."""
        if self.metric == "errors":
            found = result.errors
        elif self.metric == "rate":
            found = result.rate
        elif result.latency is None:
            return False
        else:
            found = float(getattr(result.latency, self.metric))
        return {
            "<": found < self.value,
            "<=": found <= self.value,
            ">": found > self.value,
            ">=": found >= self.value,
        }[self.sign]


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadReport:
    """What came of a load test."""

    target: str
    """The entry's name or id, or an address."""
    commit: str | None
    served_by: str
    """What answered."""
    threads: int | None
    """Of one computation; None: of a server elsewhere."""
    payload: str
    """What was sent, in words."""
    steps: tuple[StepResult, ...]
    bounds: tuple[Bound, ...] = ()
    """What is wanted."""
    generator_limit: float = 0.0
    """Requests a second that this machine's generator reaches against a server that does nothing."""
    warm_up_s: float = 0.0
    """The first answer, in seconds, before the first step."""
    elapsed_s: float = 0.0
    versions: Mapping[str, str] = field(default_factory=dict, hash=False)
    machine: str = ""
    ended: str = ""
    """Why it ended before its last step; empty: it did not."""

    @property
    def best(self) -> StepResult | None:
        """The highest step that holds what is wanted; None: none does, or nothing is wanted."""
        if not self.bounds:
            return None
        good = [one for one in self.steps if not one.is_void and all(bound.holds(one) for bound in self.bounds)]
        return max(good, key=lambda one: one.step.value, default=None)

    def own_share(self, result: StepResult) -> float:
        """The most that the generator's own work may have taken of a closed loop's latency, as a share of it.

        Where all connections are answered at the same instant, what is done for each comes one after the other.
        """
        if result.step.kind != "concurrency" or result.latency is None or not self.generator_limit:
            return 0.0
        return min(1.0, result.step.value / self.generator_limit / result.latency.mean) if result.latency.mean else 0.0

    @property
    def capacity(self) -> float:
        """The most answers a second that any step reached."""
        return max((one.rate for one in self.steps if not one.is_void), default=0.0)

    @property
    def knee(self) -> StepResult | None:
        """The lowest step that reaches 95 % of the capacity: from there on more load only waits longer."""
        good = [one for one in self.steps if not one.is_void and self.capacity and one.rate >= 0.95 * self.capacity]
        return min(good, key=lambda one: one.step.value, default=None)

    @property
    def ok(self) -> bool:
        """Whether it went to its end, and a step holds what is wanted."""
        is_measured = any(not one.is_void for one in self.steps)
        return not self.ended and is_measured and (not self.bounds or self.best is not None)
