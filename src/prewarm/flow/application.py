"""Runs a command of the application's: through the gateway, then offline. Changes with what is done about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from prewarm import plan as planning
from prewarm.flow.account import Account, Options, Tools
from prewarm.flow.asked import Asked
from prewarm.flow.fetch import fetch
from prewarm.flow.ports import Launcher
from prewarm.flow.show import show
from prewarm.records.entry import Application
from prewarm.records.errors import EntryError, ProofError
from prewarm.records.events import DiscoveryStarted, EntryFinished, EntryPlanned, EntryStarted, ProofStarted
from prewarm.records.lock import LockedApplication, LockedEntry, LockedRepo
from prewarm.records.report import ApplicationReport, Status
from prewarm.records.run import Ran, RememberedRun

_OF_DATASETS = (
    'load_dataset("id") does not read the Hub\'s cache offline (datasets 5.2); this does:\n'
    'load_dataset(snapshot_download("id", repo_type="dataset"))'
)
_BARRED = (
    "offline it gets nothing but what is in the cache, and reaches no other machine: look at what it says; what it "
    "loads from elsewhere has to be there before"
)


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What happened to an application, and what the lock has to remember of it."""

    report: ApplicationReport
    locked: LockedApplication | None


def apply(
    application: Application,
    locked: LockedApplication | None,
    entries: Sequence[LockedEntry],
    tools: Tools,
    launcher: Launcher,
    options: Options,
) -> Applied:
    """Run it, unless its proof is remembered. Its failure is a value in its report.

    Args:
        application: what to run.
        locked: what it needs beyond the entries, where it was run before.
        entries: what the entries hold.
        tools: what the run works with.
        launcher: starts commands.
        options: what the run is asked to do.
    """
    account = Account(application.as_entry, tools)
    account.begin()
    tools.observe(EntryStarted(entry=account.entry))
    run = _Run(application, locked, entries, tools, launcher, account)
    error: EntryError | None = None
    try:
        run.go(is_again=options.prove_again)
    except Exception as failed:  # noqa: BLE001 (told apart there)
        error = tools.failure_of(failed)
    report = run.report(error)
    tools.observe(EntryFinished(report=report))
    return Applied(report=report, locked=run.locked)


def unapplied(application: Application, status: Status, note: str, *, ready: bool = False) -> ApplicationReport:
    """The report of one that is not run."""
    entry = application.as_entry
    return ApplicationReport(application=application, entry=entry, status=status, ready=ready, notes=(note,))


class _Run:
    def __init__(
        self,
        application: Application,
        locked: LockedApplication | None,
        entries: Sequence[LockedEntry],
        tools: Tools,
        launcher: Launcher,
        account: Account,
    ) -> None:
        self.locked = locked
        self._application = application
        self._entries = entries
        self._tools = tools
        self._launcher = launcher
        self._account = account
        self._ran: Ran | None = None
        self._is_proven = False
        self._notes: list[str] = []

    def go(self, *, is_again: bool) -> None:
        if self.locked is not None:
            self._bring(self.locked)
            if not is_again and self._tools.memory.recall_run(self.locked, self._entries).is_proven:
                self._is_proven = True
                return
            if self._offline().has_passed:
                self._keep()
                return
        if not self._tools.discovers:
            raise self._failure("offline")
        asked = self._online()
        if not self._offline().has_passed:
            raise self._failure("offline", hint=_OF_DATASETS if _has_dataset(asked) else _BARRED)
        self._keep()

    def _bring(self, locked: LockedApplication) -> None:
        stands = locked.as_entry
        plan = planning.make(stands, self._tools.cache.scan(stands))
        self._tools.observe(EntryPlanned(entry=self._account.entry, plan=plan))
        self._tools.cache.reserve(plan.missing)
        try:
            fetch(plan.missing, self._tools, self._account)
        finally:
            self._tools.cache.release(plan.missing)
        self._notes += show(stands, self._tools)

    def _online(self) -> Asked:
        self._tools.observe(DiscoveryStarted(entry=self._account.entry))
        own = [repo for locked in self._entries for repo in locked.repos]
        asked = Asked(own, self._tools, self._account)
        self._ran = self._launcher.online(self._application, asked)
        if not self._ran.has_passed:
            raise self._failure("online")
        self.locked = LockedApplication(application=self._application, repos=self._further(asked.repos(())))
        self._notes += show(self.locked.as_entry, self._tools)
        if further := [repo for repo in self.locked.repos if repo.files]:
            named = ", ".join(f"{repo.repo.repo_id} at {repo.commit[:7]}" for repo in further)
            self._notes.append(f"it also asks for files of {named}: fetched, and locked")
        return asked

    def _further(self, repos: Sequence[LockedRepo]) -> tuple[LockedRepo, ...]:
        """What the entries do not hold."""
        held = {(repo.repo, file.path) for entry in self._entries for repo, file in entry.files}
        held |= {(repo.repo, path) for entry in self._entries for repo in entry.repos for path in repo.absent}
        less = (
            replace(
                repo,
                files=tuple(file for file in repo.files if (repo.repo, file.path) not in held),
                absent=tuple(path for path in repo.absent if (repo.repo, path) not in held),
            )
            for repo in repos
        )
        return tuple(repo for repo in less if repo.files or repo.absent)

    def _offline(self) -> Ran:
        self._tools.observe(ProofStarted(entry=self._account.entry))
        self._ran = self._launcher.offline(self._application)
        return self._ran

    def _keep(self) -> None:
        self._is_proven = True
        if self.locked is not None:
            self._tools.memory.keep_run(self.locked, self._entries)

    def _failure(self, where: str, *, hint: str = "") -> ProofError:
        assert self._ran is not None, "it was run before it is judged"
        last = self._ran.last_words.splitlines()
        is_late = self._ran.exit_code is None
        said = f"{where} it {self._ran.how}" + (f": {last[-1]}" if last else ", and said nothing")
        late = f"raise its timeout, which is {self._application.timeout_s:.0f} s"
        return ProofError(
            "timeout" if is_late else "load-error",
            said,
            hint=late if is_late else hint or "run the command by hand; -v shows more of what it said",
            trace=self._ran.last_words,
        )

    def report(self, error: EntryError | None) -> ApplicationReport:
        files = self.locked.as_entry.files if self.locked else ()
        repos = self.locked.repos if self.locked else ()
        status: Status = "failed" if error else "proven" if self._is_proven else "cached"
        return ApplicationReport(
            application=self._application,
            entry=self._application.as_entry,
            status=status,
            ready=status == "proven",
            files=len(files),
            bytes=sum(file.size for _, file in files),
            fetched=self._account.total,
            elapsed_s=self._account.elapsed_s,
            failure=error.as_failure() if error else None,
            notes=tuple(self._notes),
            ran=self._ran,
            repos=tuple(f"{repo.repo.repo_id} at {repo.commit}" for repo in repos),
        )


def _has_dataset(asked: Asked) -> bool:
    return any(repo.repo_type == "dataset" for repo in asked.listings)


def state(
    application: Application,
    locked: LockedApplication | None,
    entries: Sequence[LockedEntry],
    missing: Callable[[LockedEntry], tuple[object, ...]],
    recall: Callable[[LockedApplication, Sequence[LockedEntry]], RememberedRun],
    *,
    starts: bool,
) -> ApplicationReport:
    """What is known of it from the disk alone.

    Args:
        application: to look at.
        locked: what it needs beyond the entries, where it was run before.
        entries: what the entries hold.
        missing: the files that the cache does not have.
        recall: whether it has passed as it is now.
        starts: whether something is about to be started: what cannot be remembered would be run at every start.
    """
    if locked is None:
        return unapplied(application, "missing", "not run yet")
    lost = missing(locked.as_entry)
    if lost:
        return unapplied(application, "partial", f"without {len(lost)} of the files that it asks for")
    remembered = recall(locked, entries)
    files = locked.as_entry.files
    return ApplicationReport(
        application=application,
        entry=application.as_entry,
        status="proven" if remembered.is_proven else "cached",
        ready=remembered.is_proven or (starts and not application.sources),
        files=len(files),
        bytes=sum(file.size for _, file in files),
        notes=(remembered.why,) if remembered.why else (),
    )
