"""What the live lines say, on terminals of every size."""

from __future__ import annotations

import io
import threading

import pytest
from rich.console import Console

from prewarm.formats.live import LiveLines
from prewarm.formats.rate import Rate
from prewarm.records.entry import Entry
from prewarm.records.events import (
    BytesReceived,
    DiscoveryStarted,
    DownloadAwaited,
    EntryFinished,
    EntryPlanned,
    EntryStarted,
    FileHashed,
    FilesAdded,
    HashingStarted,
    InspectionPassed,
    InspectionStarted,
    ProofAwaited,
    ProofStarted,
    Retrying,
    Waiting,
)
from prewarm.records.failure import Failure
from prewarm.records.listing import Digest, RepoFile
from prewarm.records.lock import LockedEntry, LockedRepo
from prewarm.records.plan import Plan
from prewarm.records.report import EntryReport

MB = 1_000_000


class Screen:
    """Live lines with a clock that is set, on a terminal that is none."""

    def __init__(self, total: int, *, width: int = 100, height: int = 24) -> None:
        self.now = 100.0
        self.file = io.StringIO()
        self.console = Console(file=self.file, width=width, height=height, force_terminal=True, color_system=None)
        self.live = LiveLines(self.console, total, clock=lambda: self.now)

    def lines(self) -> list[str]:
        rendered = self.console.render_lines(self.live, self.console.options, pad=False)
        return ["".join(segment.text for segment in line).rstrip() for line in rendered]

    def receive(self, entry: Entry, mb: int, seconds: int) -> None:
        """``mb`` MB, evenly over some seconds."""
        for _ in range(seconds * 4):
            self.live(BytesReceived(entry=entry, path="w", bytes=mb * MB // (seconds * 4)))
            self.now += 0.25


def entry(number: int = 0) -> Entry:
    return Entry(id=f"org/model-{number}")


def planned(of: Entry, mb: int) -> EntryPlanned:
    file = RepoFile(path="w", size=mb * MB, digest=Digest(algorithm="sha256", value="a" * 64))
    repo = LockedRepo(repo=of.repo, commit="c" * 40, files=(file,))
    return EntryPlanned(entry=of, plan=Plan(locked=LockedEntry(entry=of, repos=(repo,)), missing=((repo, file),)))


def finished(of: Entry, *, failed: bool = False) -> EntryFinished:
    failure = Failure(kind="gated", message="no", hint="") if failed else None
    return EntryFinished(
        report=EntryReport(entry=of, status="failed" if failed else "proven", ready=not failed, failure=failure)
    )


def test_each_entry_says_what_it_does_and_waits_for() -> None:
    screen, one = Screen(1), entry()
    screen.live(EntryStarted(entry=one))
    assert screen.lines() == ["org/model-0  asking the Hub", "0 of 1 entry ready"]
    screen.live(planned(one, 100))
    screen.receive(one, 30, 3)
    screen.live(InspectionStarted(entry=one))
    first, last = screen.lines()
    assert first.endswith("30.0 MB of 100.0 MB, inspecting")
    assert last.endswith("30.0 MB of 100.0 MB  10.0 MB/s  7.0 s left")
    screen.live(InspectionPassed(entry=one))
    assert "inspecting" not in screen.lines()[0]
    screen.live(DownloadAwaited(entry=one, path="w"))
    assert screen.lines()[0] == "org/model-0  waiting for another download"
    screen.receive(one, 70, 7)
    screen.live(ProofAwaited(entry=one))
    assert screen.lines()[0] == "org/model-0  waiting for the proof"
    screen.live(ProofStarted(entry=one))
    assert screen.lines()[0] == "org/model-0  loading offline"
    screen.live(DiscoveryStarted(entry=one))
    assert screen.lines()[0] == "org/model-0  seeing what it asks for"
    screen.receive(one, 25, 8)
    assert screen.lines()[0] == "org/model-0  seeing what it asks for: 25.0 MB so far"
    screen.live(FilesAdded(entry=one, paths=("extra.json",)))
    screen.live(ProofAwaited(entry=one))
    assert screen.lines()[0] == "org/model-0  waiting for the proof"
    screen.live(finished(one))
    assert screen.lines()[0].startswith("1 of 1 entry ready")


def test_the_hubs_limit_is_said_where_it_is_waited_for_and_counted_down() -> None:
    screen, (asking, fetching) = Screen(2), (entry(0), entry(1))
    for one in (asking, fetching):
        screen.live(EntryStarted(entry=one))
    screen.live(planned(fetching, 100))
    screen.receive(fetching, 10, 1)
    screen.live(Waiting(bucket="api", wait_s=41))
    screen.live(Waiting(bucket="resolvers", wait_s=50))
    fetched, asked, _ = screen.lines()
    assert asked == "org/model-0  waiting for the Hub's limit, 41 s"
    assert "limit" not in fetched, "its bytes still come"
    screen.now += 10
    fetched, asked, total = screen.lines()
    assert asked.endswith("limit, 31 s")
    assert fetched.endswith("10.0 MB of 100.0 MB, waiting for the Hub's limit, 40 s")
    assert "left" not in total
    screen.now += 60
    assert not any("limit" in line for line in screen.lines())


def test_the_time_left_is_of_bytes_that_flow() -> None:
    screen, one, other = Screen(2), entry(0), entry(1)
    for begun in (one, other):
        screen.live(EntryStarted(entry=begun))
    screen.live(planned(one, 100))
    screen.receive(one, 20, 2)
    assert "MB/s" in screen.lines()[-1]
    assert "left" not in screen.lines()[-1], "nobody knows yet how much the other one needs"
    screen.live(planned(other, 100))
    screen.receive(one, 20, 2)
    assert screen.lines()[-1].endswith("40.0 MB of 200.0 MB  10.0 MB/s  16 s left")
    screen.now += 5
    assert screen.lines()[-1].endswith("40.0 MB of 200.0 MB"), "nothing comes: no speed, and no time"
    screen.receive(one, 60, 6)
    assert screen.lines()[-1].endswith("10.0 MB/s  10 s left"), "a pause is no slow line"


def test_what_a_failed_entry_did_not_fetch_is_not_waited_for() -> None:
    screen, one, other = Screen(2), entry(0), entry(1)
    for begun in (one, other):
        screen.live(EntryStarted(entry=begun))
        screen.live(planned(begun, 100))
    screen.receive(one, 10, 1)
    screen.live(finished(one, failed=True))
    assert "10.0 MB of 110.0 MB" in screen.lines()[-1]
    assert screen.lines()[-1].startswith("0 of 2 entries ready, 1 failed")
    assert "org/model-0: failed: gated: no" in screen.file.getvalue()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
@pytest.mark.parametrize("height", [3, 10, 24])
@pytest.mark.parametrize("count", [1, 5, 200])
def test_it_fits_every_terminal(width: int, height: int, count: int) -> None:
    screen = Screen(count, width=width, height=height)
    for number in range(count):
        one = Entry(id=f"organisation/a-model-with-a-long-name-{number}")
        screen.live(EntryStarted(entry=one))
        screen.live(planned(one, 100))
        if number % 3:
            screen.live(ProofAwaited(entry=one))
    lines = screen.lines()
    assert len(lines) <= max(1, height - 2)
    assert all(len(line) < width for line in lines)
    assert lines[-1].startswith(f"0 of {count} entr"[: width - 2])
    if len(lines) > 1:
        assert "B of 100" in lines[0] or width < 60, "those that fetch come first"


def test_what_does_not_fit_is_counted_and_what_has_ended_folds_away() -> None:
    screen = Screen(200, height=10)
    entries = [entry(number) for number in range(200)]
    for one in entries:
        screen.live(EntryStarted(entry=one))
        screen.live(planned(one, 1))
        screen.live(ProofAwaited(entry=one))
    assert screen.lines()[-2] == "… and 194 entries more: 194 waiting for the proof"
    for one in entries[:195]:
        screen.live(finished(one))
    assert len(screen.lines()) == 6
    assert screen.lines()[0].startswith("org/model-195 ")


def test_a_terminal_that_is_resized_is_drawn_anew() -> None:
    screen = Screen(1, width=100)
    screen.live(EntryStarted(entry=entry()))
    screen.live(planned(entry(), 100))
    assert "─" in screen.lines()[0]
    screen.console.width = 50
    assert "─" not in screen.lines()[0]
    assert all(len(line) < 50 for line in screen.lines())


def test_hashing_has_a_line_of_its_own() -> None:
    screen = Screen(1)
    screen.live(HashingStarted(files=1, bytes=100 * MB))
    for _ in range(8):
        screen.live(FileHashed(path="w", bytes=5 * MB))
        screen.now += 0.25
    assert screen.lines()[0].startswith("hashing  ")
    assert screen.lines()[0].endswith("40.0 MB of 100.0 MB  20.0 MB/s  3.0 s left")
    screen.live(FileHashed(path="w", bytes=60 * MB))
    assert screen.lines() == ["0 of 1 entry ready"]


def test_a_rate_forgets_what_is_long_ago() -> None:
    rate, now = Rate(), 0.0
    for speed in (1, 100):
        for _ in range(80):
            rate.add(speed * MB // 4, now)
            now += 0.25
    assert rate.per_s(now) == pytest.approx(100 * MB, rel=0.05)
    assert rate.per_s(now + 3) is None


def test_what_is_printed_above_and_what_is_drawn_do_not_wait_for_each_other() -> None:
    """Rich holds a lock of its own while it draws, and while it prints."""
    console = Console(file=io.StringIO(), width=100, height=24, force_terminal=True)
    retrying = Retrying(what="a file", reason="it broke", attempt=1, wait_s=0.1)
    with LiveLines(console, 1) as live:
        live(EntryStarted(entry=entry()))

        def tell() -> None:
            for _ in range(100):
                live(retrying)

        def draw() -> None:
            for _ in range(200):
                live.refresh()

        threads = [threading.Thread(target=work, daemon=True) for work in (tell, tell, tell, tell, draw)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=20)
            assert not thread.is_alive(), "they wait for each other"


def test_hashing_is_over_when_entries_begin() -> None:
    screen = Screen(1)
    screen.live(HashingStarted(files=2, bytes=100 * MB))
    screen.live(FileHashed(path="w", bytes=50 * MB))
    screen.live(EntryStarted(entry=entry()))
    assert screen.lines()[-1] == "0 of 1 entry ready", "the other file was not there"
