"""The spine: entries to reports. Read this first; each step is a module of its own, called in the order of the flow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from prewarm import plan as planning
from prewarm.flow.account import Account, Options, Tools
from prewarm.flow.fetch import fetch
from prewarm.flow.outcome import Reached, Warmed
from prewarm.flow.prove import prove, request_of
from prewarm.flow.ready import mode_of
from prewarm.flow.resolve import from_lock, resolve_or_recall
from prewarm.flow.trust import refuse_changed_code
from prewarm.lock import file as locks
from prewarm.records.entry import Entry
from prewarm.records.errors import EntryError
from prewarm.records.events import EntryFinished, EntryPlanned, EntryStarted
from prewarm.records.lock import Lock, LockedEntry, LockedRepo

ENTRIES_AT_ONCE = 8
SMALL_BYTES = 16 << 20
"""Files up to this size come first: what the classes want to know before the weights is in them."""


def warm(entries: Sequence[Entry], lock: Lock, tools: Tools, options: Options) -> list[Warmed]:
    """Make every entry ready. One entry's failure is a value in its report.

    Raises:
        Interrupted: the user said stop.
    """
    locked = [locks.find(lock, entry) for entry in entries]
    if any(_is_to_load(entry, found, tools, options) for entry, found in zip(entries, locked, strict=True)):
        tools.prover.start()
    tools.hub.expect(listings=len({entry.repo for entry, found in zip(entries, locked, strict=True) if found is None}))
    with ThreadPoolExecutor(ENTRIES_AT_ONCE, thread_name_prefix="entry") as pool:
        futures = [pool.submit(_warm_entry, *pair, tools, options) for pair in zip(entries, locked, strict=True)]
        try:
            return [future.result() for future in futures]
        except BaseException:
            # Whatever ends the run ends its threads as well, or leaving the pool would wait for them.
            for future in futures:
                future.cancel()
            tools.hub.stop()
            tools.prover.stop()
            raise


def _warm_entry(entry: Entry, locked: LockedEntry | None, tools: Tools, options: Options) -> Warmed:
    account = Account(entry)
    began, waited_before_s = tools.clock(), tools.hub.waited_s
    tools.observe(EntryStarted(entry=entry))
    reached, error = Reached(), None
    try:
        for reached in _steps(entry, locked, tools, account, options):  # noqa: B007 (the last one counts)
            pass
    except EntryError as failed:
        error = failed
    fetched = replace(account.total, waited_s=tools.hub.waited_s - waited_before_s)
    warmed = reached.warmed(entry, error, setting=options.proof, fetched=fetched, elapsed_s=tools.clock() - began)
    if not options.dry_run:
        found = reached.resolved.locked if reached.resolved else locked
        tools.memory.keep_failure(entry, found, error.as_failure() if error else None)
    tools.observe(EntryFinished(report=warmed.report))
    return warmed


def _steps(
    entry: Entry, locked: LockedEntry | None, tools: Tools, account: Account, options: Options
) -> Iterator[Reached]:
    resolved = from_lock(locked) if locked else resolve_or_recall(entry, tools, account)
    plan = planning.make(resolved.locked, tools.cache.scan(resolved.locked))
    yield (reached := Reached(resolved=resolved, plan=plan, notes=resolved.notes))
    tools.observe(EntryPlanned(entry=entry, plan=plan))
    tools.cache.reserve(plan.missing)
    tools.hub.expect(files=0 if options.dry_run else len(plan.missing))
    if options.dry_run:
        return
    fetch([pair for pair in plan.missing if pair[1].size <= SMALL_BYTES], tools, account)
    loads = _is_to_load(entry, resolved.locked, tools, options)
    refuse_changed_code(resolved.locked, tools.cache)
    if loads and plan.missing:
        # Nothing large is fetched before the installed classes have said that they know the model.
        for repo in resolved.locked.repos:
            tools.cache.link(repo)
        request, resolved = request_of(resolved, tools, account)
        tools.prover.inspect(request)
    fetch([pair for pair in plan.missing if pair[1].size > SMALL_BYTES], tools, account)
    moved = tuple(filter(None, (_show(repo_at, tools) for repo_at in resolved.locked.repos)))
    yield (reached := replace(reached, resolved=resolved, is_fetched=True, notes=reached.notes + moved))
    if loads:
        proven = prove(resolved, tools, account)
        tools.memory.keep(proven.resolved.locked, proven.proof)
        yield replace(reached, resolved=proven.resolved, proof=proven.proof)
    elif mode_of(entry, options.proof) == "load":
        yield replace(reached, proof=tools.memory.recall(resolved.locked).proof)


def _is_to_load(entry: Entry, locked: LockedEntry | None, tools: Tools, options: Options) -> bool:
    if options.dry_run or mode_of(entry, options.proof) == "files":
        return False
    return options.prove_again or locked is None or tools.memory.recall(locked).proof is None


def _show(repo: LockedRepo, tools: Tools) -> str:
    # The revision is pointed last: before, an application that asks for it would find half of the files.
    tools.cache.link(repo)
    before = tools.cache.point(repo)
    return (
        f"{repo.repo.revision} of {repo.repo.repo_id} was {before[:7]}, and is {repo.commit[:7]} now" if before else ""
    )
