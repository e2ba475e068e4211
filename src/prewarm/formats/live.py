"""Events as live lines on a terminal: what each entry does or waits for, and one line in total.

Entries that have ended fold into the total, and those that do not fit into one line. No line is wider than it has to
be, so that a terminal that becomes narrower has little to wrap.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.text import Text

from prewarm.formats.plain import line_of
from prewarm.formats.rate import Rate
from prewarm.records.entry import Entry
from prewarm.records.events import (
    BytesReceived,
    DiscoveryStarted,
    DownloadAwaited,
    EntryFinished,
    EntryPlanned,
    EntryStarted,
    Event,
    FileFetched,
    FileHashed,
    FilesAdded,
    HashingStarted,
    InspectionPassed,
    InspectionStarted,
    LimitForeseen,
    Notice,
    ProofAwaited,
    ProofStarted,
    Retrying,
    Waiting,
)
from prewarm.records.units import duration, plural, size

if sys.version_info >= (3, 11):
    from typing import assert_never
else:
    from typing_extensions import assert_never

_ASKING, _FETCHING, _INSPECTING = "asking the Hub", "fetching", "inspecting"
_OTHER, _PROOF, _LOADING = "waiting for another download", "waiting for the proof", "loading offline"
_DISCOVERING = "seeing what it asks for"
_ORDER = (_LOADING, _DISCOVERING, _FETCHING, _OTHER, _ASKING, _PROOF)
"""Who is shown first where not all have room."""
_BAR = 20
_WIDE = 72
"""Columns from which on there is room for bars."""


@dataclass
class _Line:
    """What is known of an entry that has begun."""

    name: str
    doing: str = _ASKING
    is_inspected: bool = True
    total: int = 0
    done: int = 0
    asked: int = 0
    """Beyond the plan."""
    rate: Rate = field(default_factory=Rate)


class LiveLines:
    """An observer that draws; use it as a context manager.

    Args:
        console: a terminal.
        total: how many entries there are.
        clock: seconds that only grow.
    """

    def __init__(self, console: Console, total: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._total = total
        self._ready = self._ended = self._known = 0
        self._bytes = self._came = 0
        """Of all entries that are planned, also of those that have ended."""
        self._rate = Rate()
        self._hashing: tuple[int, int] | None = None
        self._waits: dict[str, float] = {}
        self._lines: dict[Entry, _Line] = {}
        self._lock = threading.RLock()
        self._live = Live(self, console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> LiveLines:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def refresh(self) -> None:
        """Draw now."""
        self._live.refresh()

    # --- What happens ----------------------------------------------------------------------------------------------

    def __call__(self, event: Event) -> None:
        """Take the event in; what is worth a line of its own is printed above."""
        with self._lock:
            style = self._take_in(event)
        if style:
            # Without the lock: Rich holds one of its own while it prints, and while it asks for the lines.
            self._live.console.print(Text(line_of(event, verbose=False), style=style))

    def _take_in(self, event: Event) -> str:  # noqa: C901 (a case an event)
        now = self._clock()
        match event:
            case EntryStarted(entry=entry):
                self._lines[entry] = _Line(entry.name or entry.id)
                if self._hashing is not None:
                    # What is missing of a file is never hashed.
                    self._hashing, self._rate = None, Rate()
            case EntryPlanned(entry=entry, plan=plan):
                line = self._lines[entry]
                line.doing, line.total = _FETCHING, plan.missing_bytes
                self._known += 1
                self._bytes += plan.missing_bytes
            case BytesReceived(entry=entry, bytes=count):
                self._receive(self._lines.get(entry), count, now)
            case DownloadAwaited(entry=entry):
                self._lines[entry].doing = _OTHER
            case InspectionStarted(entry=entry):
                self._lines[entry].is_inspected = False
            case InspectionPassed(entry=entry):
                self._lines[entry].is_inspected = True
            case ProofAwaited(entry=entry):
                self._lines[entry].doing = _PROOF
            case ProofStarted(entry=entry):
                self._lines[entry].doing = _LOADING
            case DiscoveryStarted(entry=entry):
                self._lines[entry].doing = _DISCOVERING
            case EntryFinished(report=report):
                self._end(report.entry, is_ready=report.ready)
                return "red" if report.failure is not None else ""
            case Waiting(bucket=bucket, wait_s=wait_s):
                self._waits[bucket] = now + wait_s
            case Retrying() | LimitForeseen() | Notice():
                return "yellow"
            case HashingStarted(bytes=total):
                self._hashing, self._rate = (0, total), Rate()
            case FileHashed(bytes=count):
                self._hash(count, now)
            case FileFetched() | FilesAdded():
                pass
            case _:
                assert_never(event)
        return ""

    def _receive(self, line: _Line | None, count: int, now: float) -> None:
        # Small files that the planning reads come before there is a plan to count them against.
        if line is None or line.doing == _ASKING:
            return
        if line.doing == _DISCOVERING:
            # How much there is to come is known when it is there.
            line.total += count
            line.asked += count
            self._bytes += count
        if line.doing == _OTHER:
            line.doing = _FETCHING
        for rate in (line.rate, self._rate):
            rate.add(count, now)
        line.done += count
        self._came += count

    def _hash(self, count: int, now: float) -> None:
        if self._hashing is None:
            return
        done, total = self._hashing
        self._rate.add(count, now)
        self._hashing = (done + count, total)
        if done + count >= total:
            self._hashing, self._rate = None, Rate()

    def _end(self, entry: Entry, *, is_ready: bool) -> None:
        line = self._lines.pop(entry, None)
        self._ended += 1
        self._ready += is_ready
        if line is not None:
            # What it did not fetch will not come.
            self._bytes -= line.total - line.done
            self._known += line.doing == _ASKING

    # --- How it looks ----------------------------------------------------------------------------------------------

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines as they are now, for a terminal as large as it is now."""
        now = self._clock()
        with self._lock:
            lines = self._draw(now, options.max_width, console.size.height)
        yield Group(*lines)

    def _draw(self, now: float, width: int, height: int) -> list[Text]:
        # A line is left free, or the terminal would scroll.
        room = max(1, height - 2)
        active = sorted(self._lines.values(), key=lambda line: _ORDER.index(line.doing))
        shown = active if len(active) <= room - 1 else active[: max(0, room - 2)]
        hidden = Counter(line.doing for line in active[len(shown) :])
        names = min(max([cell_len(line.name) for line in shown] or [0]), max(12, width * 2 // 5))
        drawn = [self._entry(line, names, width, now) for line in shown]
        if hidden and room > 1:
            said = ", ".join(f"{count} {doing}" for doing, count in hidden.items())
            drawn.append(Text(f"… and {plural(sum(hidden.values()), 'entry')} more: {said}", style="dim"))
        drawn.append(self._sum(width, now))
        for line in drawn:
            line.truncate(width - 1, overflow="ellipsis")
        return drawn

    def _entry(self, line: _Line, names: int, width: int, now: float) -> Text:
        name = line.name if cell_len(line.name) <= names else set_cell_size(line.name, names - 1) + "…"
        text = Text.assemble((set_cell_size(name, names), "bold"), "  ", no_wrap=True)
        if line.doing == _FETCHING and line.total:
            text.append_text(bar(line.done, line.total, width))
            text.append(f"{size(line.done)} of {size(line.total)}")
            if not line.is_inspected:
                text.append(f", {_INSPECTING}", style="dim")
            if not line.rate.flows(now) and (wait := self._wait("resolvers", now)):
                text.append(f", {wait}", style="yellow")
            return text
        said = line.doing
        if line.doing == _DISCOVERING and line.asked:
            said += f": {size(line.asked)} so far"
        if line.doing == _ASKING:
            said = self._wait("api", now) or said
        return text.append(said, style="yellow" if "limit" in said else "dim")

    def _sum(self, width: int, now: float) -> Text:
        if self._hashing is not None:
            done, total = self._hashing
            text = Text("hashing  ", style="bold", no_wrap=True)
        else:
            done, total = self._came, self._bytes
            failed = f", {self._ended - self._ready} failed" if self._ended > self._ready else ""
            text = Text(f"{self._ready} of {plural(self._total, 'entry')} ready{failed}  ", no_wrap=True)
        if total > 0:
            text.append_text(bar(done, total, width))
            text.append(f"{size(done)} of {size(total)}")
        waits = list(filter(None, (self._wait(bucket, now) for bucket in self._waits)))
        if done < total:
            speed, left_s = self._rate.per_s(now), self._rate.left_s(total - done, now)
            # Before all are planned nobody knows how much there is.
            knows = self._hashing is not None or self._known >= self._total
            if speed is not None:
                text.append(f"  {size(speed)}/s")
            if left_s is not None and knows:
                text.append(f"  {duration(left_s)} left")
            elif waits:
                text.append(f"  {waits[0]}", style="yellow")
        elif waits:
            text.append(f"  {waits[0]}", style="yellow")
        return text

    def _wait(self, bucket: str, now: float) -> str:
        left_s = self._waits.get(bucket, 0.0) - now
        return f"waiting for the Hub's limit, {duration(left_s)}" if left_s > 0 else ""


def bar(done: int, total: int, width: int) -> Text:
    """How much is done, on a terminal of ``width`` columns: nothing on a narrow one."""
    if width < _WIDE:
        return Text()
    filled = min(_BAR, max(0, done * _BAR // total))
    return Text.assemble(("━" * filled, "green"), ("─" * (_BAR - filled), "bright_black"), "  ")
