"""A fleet on a terminal: a line that says how far it is, below those of the nodes. Changes with how that looks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from prewarm.formats.fleet import line_of, state_of
from prewarm.formats.live import bar
from prewarm.formats.rate import Rate
from prewarm.records.fleet import FleetEvent, FleetProgress
from prewarm.records.units import duration, size


class LiveNodes:
    """An observer that draws; use it as a context manager.

    Args:
        console: a terminal.
        clock: seconds that only grow.
    """

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rate = Rate()
        self._last: FleetProgress | None = None
        self._lock = threading.Lock()
        self._live = Live(self, console=console, refresh_per_second=4, transient=True, redirect_stdout=False,
                          redirect_stderr=False)  # fmt: skip

    def __enter__(self) -> LiveNodes:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, event: FleetEvent) -> None:
        """Take the event in."""
        if isinstance(event, FleetProgress):
            with self._lock:
                before = self._last.came_bytes if self._last is not None else 0
                if event.came_bytes != before:
                    self._rate.add(event.came_bytes - before, self._clock())
                self._last = event
        elif not event.is_detail:
            self._live.console.print(Text(line_of(event), style="red" if event.said.startswith("failed") else ""))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The line as it is now."""
        with self._lock:
            yield self._draw(options.max_width)

    def _draw(self, width: int) -> Text:
        known, now = self._last, self._clock()
        if known is None:
            return Text("reaching the nodes", style="dim")
        text = Text(f"{state_of(known)}  ", no_wrap=True)
        left = known.wanted_bytes - known.came_bytes
        if left > 0:
            text.append_text(bar(known.came_bytes, known.wanted_bytes, width))
            text.append(f"{size(known.came_bytes)} of {size(known.wanted_bytes)}, {size(known.hub_bytes)} from the Hub")
            speed, left_s = self._rate.per_s(now), self._rate.left_s(left, now)
            if speed is not None and left_s is not None:
                text.append(f"  {size(speed)}/s  {duration(left_s)} left")
        elif known.hub_bytes and known.ready + known.failed < known.nodes:
            text.append(f"{size(known.hub_bytes)} from the Hub so far", style="dim")
        text.truncate(width - 1, overflow="ellipsis")
        return text
