"""What is sent again, how often, and after how long. Changes with the policy; there is no other one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import tenacity

from prewarm.flow.stop import Stop
from prewarm.hub.transport_errors import Transient
from prewarm.records.events import Observer, Retrying

ATTEMPTS = 6
"""Tries of one request that fail for a reason other than the rate limit, which max_wait bounds."""
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 20.0

Result = TypeVar("Result")


class RateLimited(Transient):
    """The Hub answered 429; the governor knows how long to wait."""


class Reach:
    """Which origins could not be connected to, try after try: others do not wait for them as long again."""

    def __init__(self) -> None:
        self.lost: set[str] = set()


def retrying(
    work: Callable[[], Result],
    *,
    what: str,
    observe: Observer,
    stop: Stop,
    reach: Reach,
    attempts: int | None = None,
) -> Result:
    """Call ``work`` until it does not raise Transient, with full jitter in between.

    Args:
        work: one whole try.
        what: what is tried, for messages.
        observe: is told of every retry.
        stop: ends the waiting.
        reach: what is known of the origins.
        attempts: how many tries without progress; None: ATTEMPTS.

    Raises:
        HubError: of the last try, where all failed.
        Interrupted: it was stopped.
    """
    failures = 0

    def give_up(state: tenacity.RetryCallState) -> bool:
        nonlocal failures
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Transient) and error.progressed:
            failures = 0
        if isinstance(error, Transient) and error.lost_origin in reach.lost:
            return True
        if not isinstance(error, RateLimited):
            failures += 1
        return failures >= (attempts or ATTEMPTS)

    jitter = tenacity.wait_random_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S)

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return 0.0 if isinstance(error, RateLimited) else float(jitter(state))

    def tell(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Transient) and state.next_action is not None:
            observe(
                Retrying(
                    what=what,
                    reason=error.reason,
                    attempt=state.attempt_number,
                    wait_s=float(state.next_action.sleep),
                )
            )

    policy = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Transient),
        stop=give_up,
        wait=wait,
        before_sleep=tell,
        sleep=stop.wait,
        reraise=True,
    )

    def attempt() -> Result:
        stop.check()
        return work()

    try:
        result = policy(attempt)
    except Transient as last:
        if last.lost_origin:
            reach.lost.add(last.lost_origin)
        raise last.error from None
    reach.lost.clear()
    return result
