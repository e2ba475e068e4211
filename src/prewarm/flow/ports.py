"""What the spine needs of the outside, as protocols. Changes when the spine asks for something new."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from prewarm.flow.stop import Stop
from prewarm.records.confinement import Confinement
from prewarm.records.entry import Application, Entry
from prewarm.records.failure import Failure
from prewarm.records.listing import Listing, Refused, Repo, RepoFile
from prewarm.records.lock import LockedApplication, LockedEntry, LockedRepo
from prewarm.records.plan import Fetched
from prewarm.records.proof import Continued, Proof, ProofRequest, Remembered
from prewarm.records.ranges import Range
from prewarm.records.run import Ran, RememberedRun

SMALL_BYTES = 16 << 20
"""Files up to this size come first, and wait behind no larger one."""


class Sink(Protocol):
    """Takes the bytes of one file, in any order, and gives them its name only when they are right."""

    def missing(self) -> list[Range]:
        """The ranges that have not arrived; a partial file of an earlier run may have brought some."""

    def write(self, offset: int, piece: bytes | memoryview) -> int:
        """Take bytes that start at ``offset``; may be called from several threads, and does not keep ``piece``.

        Returns:
            How many of them had not arrived before; the others are left as they are.

        Raises:
            CacheError: they cannot be written.
        """

    def read(self, offset: int, length: int) -> bytes:
        """Bytes that have arrived.

        Raises:
            CacheError: they cannot be read.
        """

    def void(self) -> None:
        """Throw away what has arrived."""

    def finish(self) -> None:
        """Compare size and hash with the listing, and give the file its name.

        Raises:
            CacheError: ``corrupt`` where they differ.
        """


class Hub(Protocol):
    """Answers for repositories and files."""

    @property
    def endpoint(self) -> str:
        """The address of the Hub."""

    @property
    def waited_s(self) -> float:
        """Seconds that this run has waited for rate limits so far."""

    def expect(self, *, listings: int = 0, files: int = 0) -> None:
        """Plans will ask for so many: where the Hub's limits are too low for them, the observer is told."""

    def listing(self, repo: Repo, spend: Callable[[Fetched], None]) -> Listing:
        """The commit and the files of ``repo``; ``spend`` is told what it cost, also where it fails.

        Raises:
            HubError: there is no such repository or revision, or no way to it.
        """

    def fetch(
        self,
        repo: LockedRepo,
        file: RepoFile,
        sink: Sink,
        received: Callable[[int], None],
        spend: Callable[[Fetched], None],
        stop: Stop,
    ) -> None:
        """Bring one file into ``sink``.

        Args:
            repo: where the file is.
            file: what the listing says of it.
            sink: takes the bytes.
            received: is told the bytes of every piece, negative ones where they are void.
            spend: is told what it cost, also where it fails.
            stop: ends it; what has arrived is kept.

        Raises:
            HubError: the file cannot be had.
            CacheError: it cannot be written.
            Interrupted: it was stopped.
        """


class Cache(Protocol):
    """The Hugging Face cache."""

    @property
    def root(self) -> Path:
        """Its folder."""

    def scan(self, locked: LockedEntry) -> Collection[tuple[Repo, str]]:
        """(repository, path) of the files that are there with the right size."""

    def has(self, repo: LockedRepo, file: RepoFile) -> bool:
        """Whether a file is there with the right size."""

    def reserve(self, files: Collection[tuple[LockedRepo, RepoFile]]) -> None:
        """Make sure that there is room for ``files``, and for all that was reserved before.

        Raises:
            CacheError: ``no-space``, with how much is missing.
        """

    def release(self, files: Collection[tuple[LockedRepo, RepoFile]]) -> None:
        """Count on the room for ``files`` no more: they are there, or do not come."""

    def receive(
        self, repo: LockedRepo, file: RepoFile, stop: Stop, awaited: Callable[[str, float], None]
    ) -> AbstractContextManager[Sink | None]:
        """A sink for one file; None where another run has brought it meanwhile.

        Args:
            repo: where the file is.
            file: what the listing says of it.
            stop: ends waiting for another run.
            awaited: is told who holds it, where another run has to be waited for, and for how long it was so far.

        Raises:
            CacheError: the cache cannot be written, or another run is at it for too long.
            Interrupted: it was stopped.
        """

    def read(self, repo: LockedRepo, file: RepoFile) -> bytes:
        """The content of a file that is there."""

    def content(self, repo: LockedRepo, file: RepoFile) -> Path:
        """Where the content of a file is that is there."""

    def stamp(self, repo: LockedRepo, file: RepoFile) -> tuple[int, ...]:
        """What changes with a file, without reading it: where it is, its size and its times; empty: it is not there."""

    def is_right(self, repo: LockedRepo, file: RepoFile) -> bool:
        """Whether a file has the content that was locked: every byte is read."""

    def path(self, repo: LockedRepo, path: str) -> Path:
        """The name under which a file is opened, whether it is there or not."""

    def listing(self, repo: Repo) -> Listing | None:
        """What the cache holds of ``repo`` at the commit that its revision names there; None where it names none."""

    def link(self, repo: LockedRepo) -> None:
        """Show the files that are there in the snapshot of the commit, and mark those that it does not have."""

    def forget_copies(self, repo: LockedRepo) -> tuple[str, ...]:
        """Take away copies of the repository's code that are not what was locked; says so, a sentence each."""

    def point(self, repo: LockedRepo) -> str | None:
        """Let the revision name the commit, last of all; returns the commit that it named before, if another."""


class Memory(Protocol):
    """What earlier runs have found out."""

    def recall(self, locked: LockedEntry) -> Remembered:
        """Whether an entry with these files has passed its proof."""

    def failure(self, entry: Entry, locked: LockedEntry | None) -> Failure | None:
        """How the last run failed on the entry with these files; None where it did not, or something has changed."""

    def keep(self, locked: LockedEntry, proof: Proof) -> None:
        """Remember a passed proof."""

    def recall_run(self, locked: LockedApplication, entries: Sequence[LockedEntry]) -> RememberedRun:
        """Whether an application has passed with these files, entries and sources."""

    def keep_run(self, locked: LockedApplication, entries: Sequence[LockedEntry]) -> None:
        """Remember that it has passed."""

    def keep_listings(self, listings: Collection[Listing]) -> None:
        """Remember which files repositories have at their commits."""

    def keep_failure(self, entry: Entry, locked: LockedEntry | None, failure: Failure | None) -> None:
        """Remember how the entry's last run ended; None: it did not fail."""


class Source(Protocol):
    """What a child process gets its answers from."""

    def listing(self, repo: Repo) -> Listing | Refused:
        """The commit and the files of a repository; or its refusal."""

    def bring(self, listing: Listing, file: RepoFile) -> Path:
        """The content of a file in the cache, verified."""

    def lacks(self, listing: Listing, path: str) -> None:
        """Is told of a name that the repository does not have."""


class Launcher(Protocol):
    """Runs commands in processes of their own, without the token."""

    def online(self, application: Application, source: Source) -> Ran:
        """With ``source`` in the place of the Hub, and an empty cache.

        Raises:
            Exception: what ``source`` has raised.
            Interrupted: it was stopped.
        """

    def offline(self, application: Application) -> Ran:
        """With the cache, and no network.

        Raises:
            Interrupted: it was stopped.
        """


class Scanner(Protocol):
    """Looks into files."""

    def look(self, path: Path, name: str) -> tuple[str, ...]:
        """What a file does as it is opened under ``name``, in words; nothing where nothing was found."""


class Prover(Protocol):
    """Loads entries in another process, offline."""

    def start(self) -> None:
        """Begin to import, so that the first proof need not wait."""

    def inspect(self, request: ProofRequest) -> None:
        """Whether the classes exist and know the configuration; needs no weights.

        Raises:
            ProofError: they do not.
        """

    def prove(self, request: ProofRequest, begun: Callable[[], None]) -> Proof:
        """Load processor and model; ``begun`` is called when it is this entry's turn.

        Raises:
            ProofError: they do not load.
        """

    def apply(
        self, request: ProofRequest, then: str, given: Mapping[str, Any], *, folder: Path, timeout_s: float
    ) -> Continued:
        """Load it, and let a function go on with what was loaded; that may write into ``folder``.

        Raises:
            ProofError: it does not load, or the function refuses.
        """

    def discover(self, request: ProofRequest, source: Source) -> Confinement:
        """Load it once, online: whatever is asked for, ``source`` answers; gives what held the process.

        Raises:
            ProofError: it does not load.
            Exception: what ``source`` has raised.
        """

    def stop(self) -> None:
        """End the other process."""
