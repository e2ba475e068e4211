"""Sends requests, and notes when each was due, sent and answered. Changes with how load is made.

Latency counts from the moment at which a request was due. Counted from when it was sent, a server that stands still
for two seconds keeps the generator from sending, and the requests that were never sent wait for nothing: that hides
the stall.
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from prewarm.load.payloads import Payload
from prewarm.load.statistics import OWN_FAULT, Shot
from prewarm.records.load import Step

_TICK_S = 0.01
_MOST_BYTES = 64 << 20
_DETAIL_BYTES = 300
_SAID = {
    "ServerDisconnectedError": "connection closed",
    "ClientOSError": "connection broken",
    "ClientPayloadError": "connection closed within the answer",
    "ClientResponseError": "no answer of HTTP",
    "InvalidUrlClientError": "no address",
    "InvalidURL": "no address",
}


@dataclass
class Fired:
    """What was sent in one step."""

    shots: list[Shot] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    """How late the generator was, in seconds."""


class Generator:
    """Sends one payload to one address.

    Args:
        session: of aiohttp.
        url: the address.
        payload: what is sent.
        timeout_s: the longest that one answer is waited for.
    """

    def __init__(self, session: Any, url: str, payload: Payload, timeout_s: float) -> None:
        import aiohttp  # noqa: PLC0415 (an extra)
        from yarl import URL  # noqa: PLC0415 (aiohttp brings it)

        self._session = session
        self._errors = aiohttp
        # What does not change is made once: a generator is measured by what it takes for itself.
        self._url = URL(url)
        self._body = payload.body
        self._headers = dict(payload.headers)
        self._method = "GET" if payload.body is None else "POST"
        self._timeout_s = timeout_s
        self.detail = ""
        """The beginning of the last answer that was none."""

    async def fire(self, step: Step, duration_s: float) -> Fired:
        """Put one step on the server; ends when the last request has been answered or given up."""
        found = Fired()
        if step.kind == "rate":
            await self._open_loop(step.value, duration_s, found)
        else:
            await self._closed_loop(int(step.value), duration_s, found)
        return found

    async def once(self) -> str | None:
        """Send one request; gives why it was not answered."""
        try:
            async with self._session.request(
                self._method, self._url, data=self._body, headers=self._headers, allow_redirects=False
            ) as answer:
                return await self._judged(answer)
        except (TimeoutError, asyncio.TimeoutError):
            return f"no answer within {self._timeout_s:g} s"
        except self._errors.ClientConnectorCertificateError:
            return "its certificate is not trusted"
        except self._errors.ClientConnectorDNSError:
            return "no such host"
        except self._errors.ClientConnectorError as error:
            if error.os_error.errno in (errno.EMFILE, errno.ENFILE):
                return OWN_FAULT
            return "connection refused" if isinstance(error.os_error, ConnectionRefusedError) else "no connection"
        except self._errors.ClientError as error:
            return _SAID.get(type(error).__name__, type(error).__name__)
        except (OSError, ValueError) as error:
            return OWN_FAULT if getattr(error, "errno", 0) == errno.EMFILE else f"no answer: {type(error).__name__}"

    async def _judged(self, answer: Any) -> str | None:
        """Why what has come is no answer; it is read to its end, or until nobody would."""
        count = 0
        is_good = 200 <= answer.status < 300
        async for piece in answer.content.iter_any():
            if not is_good and not count:
                self.detail = bytes(piece[:_DETAIL_BYTES]).decode("utf-8", "replace")
            count += len(piece)
            if count > _MOST_BYTES:
                answer.close()
                return "an answer of more than 64 MB"
        return None if is_good else f"status {answer.status}"

    async def _closed_loop(self, count: int, duration_s: float, found: Fired) -> None:
        began = time.perf_counter()

        async def one() -> None:
            due_s = time.perf_counter() - began
            while due_s < duration_s:
                failure = await self.once()
                ended_s = time.perf_counter() - began
                found.shots.append(Shot(due_s, due_s, ended_s, failure))
                if failure is not None and ended_s - due_s < _TICK_S:
                    # What refuses at once would be asked a thousand times a second.
                    await asyncio.sleep(_TICK_S)
                due_s = time.perf_counter() - began

        with _watching(found.lags):
            await asyncio.gather(*(one() for _ in range(count)))

    async def _open_loop(self, rate: float, duration_s: float, found: Fired) -> None:
        began = time.perf_counter()
        under_way: set[asyncio.Task[None]] = set()

        async def one(due_s: float) -> None:
            sent_s = time.perf_counter() - began
            found.lags.append(sent_s - due_s)
            failure = await self.once()
            found.shots.append(Shot(due_s, sent_s, time.perf_counter() - began, failure))

        for number in range(int(rate * duration_s)):
            due_s = number / rate
            wait_s = due_s - (time.perf_counter() - began)
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            task = asyncio.create_task(one(due_s))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        if under_way:
            await asyncio.wait(under_way)


@contextmanager
def _watching(lags: list[float]) -> Iterator[None]:
    """Note how late the loop comes to what was due."""

    async def watch() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_TICK_S)
            lags.append(max(0.0, time.perf_counter() - before - _TICK_S))

    watching = asyncio.get_running_loop().create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
