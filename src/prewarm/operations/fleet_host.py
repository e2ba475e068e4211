"""One node of a fleet: its real cache, its way to the Hub, its worker. Changes with what a node does by itself.

Runs on the node, in Ray's process: manifest and lock have come along, and lie where ``prewarm check`` finds them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from prewarm import __version__
from prewarm.cache.disk import DiskCache
from prewarm.cache.place import write_text
from prewarm.fleet import AgreedWindows
from prewarm.fleet.host import Sink
from prewarm.flow.account import Tools
from prewarm.flow.ports import SMALL_BYTES
from prewarm.flow.stop import Stop
from prewarm.hub import configuration
from prewarm.lock import file as locks
from prewarm.lock.digest import entry_tag
from prewarm.manifest.read import MANIFEST_NAME
from prewarm.operations import fleet_ready, fleet_settle
from prewarm.operations.bug_log import unforeseen
from prewarm.operations.bundle import all_locked
from prewarm.operations.fleet_about import about, unsettled
from prewarm.operations.fleet_given import Given
from prewarm.operations.fleet_ready import key_of
from prewarm.operations.project import Project, load
from prewarm.operations.tools import Work, tools
from prewarm.records.errors import CacheError, EntryError, FleetError, PrewarmError
from prewarm.records.events import BytesReceived, Event
from prewarm.records.failure import Failure
from prewarm.records.fleet import About, Brought, Lacking, NodeEntry, NodeProofs, Settled
from prewarm.records.listing import RepoFile
from prewarm.records.lock import LockedRepo
from prewarm.records.plan import Fetched
from prewarm.records.ranges import total
from prewarm.worker.temporary import OwnFolder

FOLDER = "fleet"
"""In ``HF_HOME/prewarm``: the manifest and the lock of the last fleet."""
Pair = tuple[LockedRepo, RepoFile]


def make(given: Given, read: Callable[[str], tuple[int, Any]], swap: Callable[[str, int, Any], bool]) -> FleetHost:
    """The host of this node.

    Raises:
        FleetError: this prewarm is another one.
        InputError: it cannot read the manifest or the lock.
    """
    if given.version != __version__:
        raise FleetError(
            f"it has prewarm {__version__}, and the fleet is of {given.version}",
            hint=f"install it there: pip install 'hf-prewarm[ray]=={given.version}'",
        )
    return FleetHost(given, AgreedWindows(read, swap) if given.is_shared else None)


class FleetHost:
    """This node's cache and what fills it.

    Args:
        given: what every node is given.
        windows: of the Hub, as several nodes that ask it know them together; None: it is the only one.
    """

    def __init__(self, given: Given, windows: AgreedWindows | None) -> None:
        self._environ = dict(os.environ)
        self._given = given
        self._windows = windows
        self._notes: list[str] = []
        self._stop = Stop()
        self._stack = ExitStack()
        self._folder = self._write(given.lock)
        self._project = self._load()
        self._opening = threading.Lock()
        self._counting = threading.Lock()
        self._tools: Tools | None = None
        self._spent = Fetched()
        self._hub_bytes = 0
        self._pairs: dict[str, Pair] = {}
        self._reserved: list[Pair] = []
        self._disk = DiskCache(
            configuration.cache_root(),
            by_symlink=configuration.makes_links(),
            modules=configuration.modules_root(),
            lock_wait_s=self._project.settings.lock_wait_s,
        )
        # What is listed meanwhile is to be loaded all the same.
        self._unsettled = unsettled(self._project)
        self._index()

    @property
    def spent(self) -> Fetched:
        """What came from the Hub so far, and what that took."""
        with self._counting:
            return replace(self._spent, bytes=self._hub_bytes)

    # --- What it is ------------------------------------------------------------------------------------------------

    def about(self) -> About:
        """What it says of itself."""
        return about(
            self._project, self._folder / MANIFEST_NAME, self._disk.root, self._notes, self._given.salt,
            may_load=self._given.may_load,
        )  # fmt: skip

    def lacking(self) -> Lacking:
        """What its cache has and has not; room is made sure of for what it has not."""
        has, lacks, failures = set[str](), dict[str, int](), dict[str, Failure]()
        begun: dict[str, int] = {}
        for locked in all_locked(self._project):
            missing = [pair for pair in locked.files if not self._disk.has(*pair)]
            has |= {key_of(*pair) for pair in locked.files} - {key_of(*pair) for pair in missing}
            try:
                if missing:
                    self._disk.try_to_write()
                self._disk.reserve(missing)
            except CacheError as error:
                failures[entry_tag(locked.entry)] = error.as_failure()
                continue
            self._reserved += missing
            lacks.update((key_of(repo, file), file.size) for repo, file in missing)
            begun.update((key_of(*pair), count) for pair in missing if (count := self._disk.begun_bytes(*pair)))
        # Small ones first, as they cost little and others wait for them.
        ordered = dict(sorted(lacks.items(), key=lambda pair: pair[1] > SMALL_BYTES))
        return Lacking(has=frozenset(has - set(lacks)), lacks=ordered, begun=begun, failures=failures)

    # --- From the Hub ----------------------------------------------------------------------------------------------

    def resolve(self) -> Settled:
        """Ask the Hub which files the entries consist of that are not locked; gives the lock."""
        return self._settled(*fleet_settle.listed(self._project, self._observe, self._environ, self._windows))

    def settle(self) -> Settled:
        """Load entries whose files nobody could know all of, as an ordinary run does; gives the lock."""
        asked = (self._project, self._observe, self._environ, self._windows)
        return self._settled(*fleet_settle.loaded(self._unsettled, *asked))

    def _settled(self, spent: Fetched, failures: Mapping[str, Failure]) -> Settled:
        self._project = self._load()
        self._index()
        self._spend(spent)
        return Settled(lock=locks.dump(self._project.lock), spent=spent, failures=failures)

    def take_lock(self, lock: str) -> None:
        """Work with this lock from now on."""
        if lock != locks.dump(self._project.lock):
            self._folder = self._write(lock)
            self._project = self._load()
            self._index()

    def fetch(self, key: str, sink: Sink) -> Brought:
        """Bring one blob from the Hub into ``sink``."""
        spent: list[Fetched] = []

        def spend(one: Fetched) -> None:
            spent.append(one)
            self._spend(one)

        repo, file = self._pairs[key]
        failure, waited_s = None, 0.0
        try:
            hub = self._online().hub
            hub.expect(files=1)
            # What an earlier run has left is told as received as well.
            self._received(total(sink.missing()) - file.size)
            hub.fetch(repo, file, sink, self._received, spend, self._stop)
            waited_s = hub.waited_s
        except EntryError as error:
            failure = error.as_failure()
        except PrewarmError as error:
            # This machine is set to ask nobody, or was told to stop: another one may ask.
            failure = Failure(kind="unreachable", message=str(error), hint=error.hint)
        return Brought(spent=sum(spent, Fetched()), waited_s=waited_s, failure=failure)

    # --- From other nodes ------------------------------------------------------------------------------------------

    @contextmanager
    def receive(self, key: str) -> Iterator[Sink | None]:
        """A sink for one blob; None where it has come meanwhile."""
        with self._disk.receive(*self._pairs[key], self._stop, lambda *_: None) as sink:
            yield sink

    def has(self, key: str) -> bool:
        """Whether a blob is whole, and in the cache."""
        return self._disk.has(*self._pairs[key])

    def size(self, key: str) -> int:
        """Bytes of a blob."""
        return self._pairs[key][1].size

    def content(self, key: str) -> Path:
        """Where a blob is that is whole."""
        return self._disk.content(*self._pairs[key])

    def look_at(self, key: str) -> bool:
        """Whether a blob is what is locked; what is not is taken away.

        Raises:
            CacheError: that cannot be done.
        """
        pair = self._pairs[key]
        if self._disk.is_right(*pair):
            return True
        self._disk.remove([pair])
        if self._disk.has(*pair):
            said = f"{pair[1].path} is damaged there, and cannot be taken away"
            raise CacheError("corrupt", said, hint="prewarm verify --repair, by who owns that cache")
        return False

    # --- Readiness -------------------------------------------------------------------------------------------------

    def show(self, failed: Mapping[str, Failure]) -> None:
        """Let applications find the entries, but for those that have failed."""
        self._disk.release(self._reserved)
        self._reserved = []
        fleet_ready.show(self._project, self._environ, failed)

    def prove(self, failed: Mapping[str, Failure]) -> NodeProofs:
        """Load the entries, but for those that have failed."""
        return fleet_ready.prove(self._project, self._environ, failed)

    def accept(self, found: NodeProofs) -> None:
        """Take over what a node of the same environment has found out."""
        fleet_ready.accept(self._project, self._environ, found)

    def entries(self, failed: Mapping[str, Failure]) -> tuple[NodeEntry, ...]:
        """What became of each entry here, as ``prewarm check`` says it."""
        return fleet_ready.entries(self._project, failed, may_load=self._given.may_load)

    def unforeseen(self, error: Exception) -> EntryError:
        """Write the trace of what nobody foresaw; gives what to say of it."""
        return unforeseen(error)

    def stop(self) -> None:
        """End what is under way; what has arrived is kept."""
        self._stop.set()
        if self._tools is not None:
            self._tools.end()
        self._stack.close()

    # --- Its own matter --------------------------------------------------------------------------------------------

    def _write(self, lock: str) -> Path:
        """Lay manifest and lock down where ``check`` finds them; gives the folder."""
        folder = configuration.home() / "prewarm" / FOLDER
        try:
            _lay_down(folder, self._given.manifest, lock)
        except OSError as error:
            self._notes = [f"prewarm check -m {folder} does not work there: {error.strerror}"]
            folder = self._stack.enter_context(OwnFolder("fleet"))
            _lay_down(folder, self._given.manifest, lock)
        return folder

    def _load(self) -> Project:
        return load(
            self._folder / MANIFEST_NAME,
            environ=self._environ,
            flags=dict(self._given.flags),
            only=self._given.only,
        )

    def _index(self) -> None:
        self._pairs = {}
        for locked in all_locked(self._project):
            for pair in locked.files:
                self._pairs.setdefault(key_of(*pair), pair)

    def _online(self) -> Tools:
        with self._opening:
            if self._tools is None:
                work = Work(windows=self._windows, passes_on=True)
                self._tools = self._stack.enter_context(tools(self._project, self._observe, self._environ, work))
            return self._tools

    def _observe(self, event: Event) -> None:
        if isinstance(event, BytesReceived):
            self._received(event.bytes)

    def _spend(self, spent: Fetched) -> None:
        with self._counting:
            self._spent += spent

    def _received(self, count: int) -> None:
        with self._counting:
            self._hub_bytes += count


def _lay_down(folder: Path, manifest: str, lock: str) -> None:
    # Whole or not at all: another node may have the same home.
    write_text(folder / MANIFEST_NAME, manifest)
    if lock:
        write_text(folder / locks.LOCK_NAME, lock)
    else:
        (folder / locks.LOCK_NAME).unlink(missing_ok=True)
