"""Events as live lines on a terminal: one per active entry, one in total, and what is waited for."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from prewarm.formats.plain import line_of
from prewarm.records.entry import Entry
from prewarm.records.events import (
    BytesReceived,
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
from prewarm.records.units import duration, size

if sys.version_info >= (3, 11):
    from typing import assert_never
else:
    from typing_extensions import assert_never

_LINES_MAX = 12


class _Bytes(ProgressColumn):
    """Bytes so far of all, speed, and time left."""

    def render(self, task: Task) -> Text:
        if not task.total:
            return Text(str(task.fields.get("said", "")))
        said = f"{size(task.completed)} of {size(task.total)}"
        if task.completed < task.total and task.speed:
            said += f"  {size(task.speed)}/s"
        if task.completed < task.total and task.time_remaining is not None:
            said += f"  {duration(task.time_remaining)} left"
        elif task.fields.get("said"):
            said += f"  {task.fields['said']}"
        return Text(said)


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
        self._done = 0
        self._waits: dict[str, float] = {}
        self._tasks: dict[Entry, TaskID] = {}
        self._hashing = TaskID(-1)
        self._lock = threading.RLock()
        self._progress = Progress(
            TextColumn("{task.description}", table_column=Column(ratio=2, no_wrap=True, overflow="ellipsis")),
            BarColumn(bar_width=20),
            _Bytes(table_column=Column(no_wrap=True)),
            console=console,
            expand=True,
        )
        self._sum = self._progress.add_task(self._headline(), total=None, said="")
        self._live = Live(self, console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> LiveLines:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __rich__(self) -> RenderableType:
        """The lines as they are now, with the waits counted down."""
        now = self._clock()
        with self._lock:
            waits = [(bucket, until - now) for bucket, until in self._waits.items() if until > now]
        lines = [
            Text(f"waiting {duration(left)} for the Hub's limit on '{name}' to reset", style="yellow")
            for name, left in waits
        ]
        return Group(self._progress, *lines)

    def __call__(self, event: Event) -> None:
        """Draw the event."""
        with self._lock:
            self._draw(event)

    def _draw(self, event: Event) -> None:
        match event:
            case EntryStarted(entry=entry):
                shown = len(self._tasks) < _LINES_MAX
                self._tasks[entry] = self._progress.add_task(entry.id, total=None, said="asking the Hub", visible=shown)
            case EntryPlanned(entry=entry, plan=plan):
                self._progress.update(self._tasks[entry], total=plan.missing_bytes or None, completed=0, said="")
                before = self._progress.tasks[0].total or 0
                self._progress.update(self._sum, total=(before + plan.missing_bytes) or None)
            case BytesReceived(entry=entry, bytes=count):
                task = self._tasks.get(entry)
                # Small files that the planning reads come before there is a plan to count them against.
                if task is not None and self._task(task).total:
                    self._progress.update(task, advance=count)
                    self._progress.update(self._sum, advance=count)
            case ProofStarted(entry=entry):
                self._progress.update(self._tasks[entry], total=None, said="loading offline")
            case FilesAdded(entry=entry, paths=paths):
                self._progress.update(self._tasks[entry], said=f"fetching {', '.join(paths)}")
            case EntryFinished(report=report):
                self._progress.update(self._tasks[report.entry], visible=False)
                self._done += 1
                self._progress.update(self._sum, description=self._headline())
                if report.failure is not None:
                    self._live.console.print(Text(line_of(event, verbose=False), style="red"))
            case Waiting(bucket=bucket, wait_s=wait_s):
                self._waits[bucket] = self._clock() + wait_s
            case Retrying() | LimitForeseen() | Notice():
                self._live.console.print(Text(line_of(event, verbose=False), style="yellow"))
            case HashingStarted(bytes=total):
                self._hashing = self._progress.add_task("hashing", total=total)
            case FileHashed(bytes=count):
                self._progress.update(self._hashing, advance=count)
                if self._task(self._hashing).finished:
                    self._progress.update(self._hashing, visible=False)
            case FileFetched() | DownloadAwaited() | InspectionStarted() | InspectionPassed() | ProofAwaited():
                pass
            case _:
                assert_never(event)

    def _task(self, task_id: TaskID) -> Task:
        return next(task for task in self._progress.tasks if task.id == task_id)

    def _headline(self) -> str:
        return f"{self._done} of {self._total} entries"
