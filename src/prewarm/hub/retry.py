"""What is sent again, how often, and after how long. Changes with the policy; there is no other one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import tenacity

from prewarm.flow.stop import Stop
from prewarm.hub.patience import Patience
from prewarm.hub.transport_errors import Transient
from prewarm.records.events import Observer, Retrying

ATTEMPTS = 6
"""Tries of one request that fail for a reason other than the rate limit, which max_wait bounds."""
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 20.0

Result = TypeVar("Result")


class RateLimited(Transient):
    """An origin answered 429; the governor knows how long to wait, and max_wait bounds it."""


class ComeBackLater(Transient):
    """An origin named the time to come back with another status; the governor knows it."""


def retrying(
    work: Callable[[], Result],
    *,
    what: str,
    observe: Observer,
    stop: Stop,
    patience: Patience,
    attempts: int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Result:
    """Call ``work`` until it does not raise Transient, with full jitter in between.

    Args:
        work: one whole try.
        what: what is tried, for messages.
        observe: is told of every retry.
        stop: ends the waiting.
        patience: what progress is, and what is known of the origins.
        attempts: how many tries without progress; None: ATTEMPTS.
        clock: seconds that only grow.

    Raises:
        HubError: of the last try, where all failed.
        Interrupted: it was stopped.
    """
    failures = gained = 0
    since = clock()

    def give_up(state: tenacity.RetryCallState) -> bool:
        nonlocal failures, gained, since
        error = state.outcome.exception() if state.outcome else None
        assert isinstance(error, Transient)
        gained += error.gained
        # A byte a try is no progress, or a server could be asked for ever.
        if gained and gained >= patience.least.bytes_per_s * (clock() - since):
            failures, gained, since = 0, 0, clock()
        if error.lost_origin and patience.reach.is_lost(error.lost_origin):
            return True
        if isinstance(error, RateLimited):
            gained, since = 0, clock()
        else:
            failures += error.costs
        return failures >= (attempts or ATTEMPTS)

    jitter = tenacity.wait_random_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S)

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return 0.0 if isinstance(error, (RateLimited, ComeBackLater)) else float(jitter(state))

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
        return policy(attempt)
    except Transient as last:
        patience.reach.lose(last)
        raise last.error from None
