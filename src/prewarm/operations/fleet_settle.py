"""What one node of a fleet finds out for all: which files there are, and which a load asks for. Changes with how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from prewarm.fleet import AgreedWindows
from prewarm.flow.account import Account, Options
from prewarm.flow.resolve import resolve_or_recall
from prewarm.flow.warm import warm
from prewarm.lock.digest import entry_tag
from prewarm.operations.fleet_about import unlisted
from prewarm.operations.fleet_ready import failures_of
from prewarm.operations.lock_file import keep_lock, write_lock
from prewarm.operations.project import Project, merged
from prewarm.operations.tools import Work, tools
from prewarm.records.entry import Entry
from prewarm.records.events import Observer
from prewarm.records.failure import Failure
from prewarm.records.lock import LockedEntry
from prewarm.records.plan import Fetched

Found = tuple[Fetched, Mapping[str, Failure]]
"""What it has cost, and what came to nothing, by the tags of the entries; the rest is in the lock."""


def listed(project: Project, observe: Observer, environ: Mapping[str, str], windows: AgreedWindows | None) -> Found:
    """Ask the Hub which files the entries consist of that are not locked."""
    found: dict[Entry, LockedEntry] = {}
    failures: dict[str, Failure] = {}
    wanted = unlisted(project)
    with tools(project, observe, environ, Work(windows=windows)) as using:
        accounts = [Account(entry, using) for entry in wanted]
        using.hub.expect(listings=len(wanted))

        def one(account: Account) -> None:
            try:
                resolved = resolve_or_recall(account.entry, using, account)
                if resolved.is_fresh:
                    using.memory.keep_listings(resolved.listings)
                    found[account.entry] = resolved.locked
            except Exception as error:  # noqa: BLE001 (told apart there)
                failures[entry_tag(account.entry)] = using.failure_of(error).as_failure()

        using.stages.run([using.stages.plan(one, account) for account in accounts], using.end)
        waited_s = using.hub.waited_s
    write_lock(project, merged(project.manifest, project.lock, found), observe)
    return replace(sum((one.total for one in accounts), Fetched()), waited_s=waited_s), failures


def loaded(
    entries: Sequence[Entry],
    project: Project,
    observe: Observer,
    environ: Mapping[str, str],
    windows: AgreedWindows | None,
) -> Found:
    """Load entries, and fetch what they ask for."""
    with tools(project, observe, environ, Work(windows=windows)) as using:
        warmed = warm(entries, project.lock, using, Options(proof=project.settings.proof))
        waited_s = using.hub.waited_s
    keep_lock(project, warmed, observe)
    spent = sum((one.report.fetched for one in warmed), Fetched())
    return replace(spent, waited_s=waited_s), failures_of(warmed)
