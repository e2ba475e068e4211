"""The spine: entries to reports. Read this first; each step is a module of its own, called in the order of the flow."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from prewarm import plan as planning
from prewarm.flow.account import Account, Options, Tools
from prewarm.flow.fetch import is_early, transferring
from prewarm.flow.outcome import Reached, Warmed
from prewarm.flow.prove import inspect, prove
from prewarm.flow.ready import mode_of
from prewarm.flow.resolve import Resolved, from_lock, resolve_or_recall
from prewarm.flow.show import show
from prewarm.flow.trust import with_code_hashes
from prewarm.flow.unsafe import without_unsafe
from prewarm.lock import file as locks
from prewarm.records.entry import Entry
from prewarm.records.events import EntryFinished, EntryPlanned, EntryStarted
from prewarm.records.lock import Lock, LockedEntry
from prewarm.records.plan import Plan

UNINSPECTED_FILES = 8
"""Large files that may begin to come before the classes were inspected: the requests that a refused entry can cost."""


def warm(entries: Sequence[Entry], lock: Lock, tools: Tools, options: Options) -> list[Warmed]:
    """Make every entry ready. One entry's failure is a value in its report.

    Raises:
        Interrupted: the user said stop.
    """
    pairs = [(entry, locks.find(lock, entry)) for entry in entries]
    if any(_is_to_load(entry, locked, tools, options) and not entry.trust_remote_code for entry, locked in pairs):
        # What runs code of its own has a process of its own.
        tools.stages.begin(tools.prover.start)
    tools.hub.expect(listings=len({entry.repo for entry, locked in pairs if locked is None}))
    return tools.stages.run([_warm_entry(*pair, tools, options) for pair in pairs], tools.end)


async def _warm_entry(entry: Entry, locked: LockedEntry | None, tools: Tools, options: Options) -> Warmed:
    account = Account(entry, tools)
    reached, error = Reached(), None
    try:
        async with aclosing(_steps(entry, locked, tools, account, options)) as steps:
            async for reached in steps:  # noqa: B007 (the last one counts)
                pass
    except Exception as failed:  # noqa: BLE001 (told apart there)
        error = tools.failure_of(failed)
    warmed = reached.warmed(entry, error, setting=options.proof, account=account)
    if not options.dry_run:
        found = reached.resolved.locked if reached.resolved else locked
        await tools.stages.look_after(tools.memory.keep_failure, entry, found, warmed.report.failure)
        await tools.stages.look_after(tools.memory.keep_listings, reached.resolved.listings if reached.resolved else ())
    tools.observe(EntryFinished(report=warmed.report))
    return warmed


async def _steps(
    entry: Entry, locked: LockedEntry | None, tools: Tools, account: Account, options: Options
) -> AsyncGenerator[Reached, None]:
    async with tools.stages.under_way():
        resolved, plan = await tools.stages.plan(_plan, entry, locked, tools, account)
        yield (reached := Reached(resolved=resolved, plan=plan, notes=resolved.notes))
        await tools.stages.look_after(tools.cache.reserve, plan.missing)
        try:
            if options.dry_run:
                return
            tools.hub.expect(files=len(plan.missing))
            loads = _is_to_load(entry, resolved.locked, tools, options)
            resolved = await _bring(resolved, plan, tools, account, loads=loads)
            moved = await tools.stages.look_after(show, resolved.locked, tools)
        finally:
            tools.cache.release(plan.missing)
    yield (reached := replace(reached, resolved=resolved, is_fetched=True, notes=resolved.notes + moved))
    if loads:
        proven = await prove(resolved, tools, account)
        if proven.is_sure:
            await tools.stages.look_after(tools.memory.keep, proven.resolved.locked, proven.proof)
        yield replace(reached, resolved=proven.resolved, proof=proven.proof)
    elif mode_of(entry, options.proof) == "load":
        yield replace(reached, proof=tools.memory.recall(resolved.locked).proof)


def _plan(entry: Entry, locked: LockedEntry | None, tools: Tools, account: Account) -> tuple[Resolved, Plan]:
    account.begin()
    tools.observe(EntryStarted(entry=entry))
    resolved = from_lock(locked) if locked else resolve_or_recall(entry, tools, account)
    plan = planning.make(resolved.locked, tools.cache.scan(resolved.locked))
    tools.observe(EntryPlanned(entry=entry, plan=plan))
    return resolved, plan


async def _bring(resolved: Resolved, plan: Plan, tools: Tools, account: Account, *, loads: bool) -> Resolved:
    early = [pair for pair in plan.missing if is_early(pair[1])]
    weights = [pair for pair in plan.missing if not is_early(pair[1])]
    is_unknown = loads and bool(weights)
    async with (
        transferring(weights, tools, account, at_first=UNINSPECTED_FILES if is_unknown else None) as rest,
        transferring(early, tools, account) as first,
    ):
        await first.done()
        if is_unknown:
            resolved = await inspect(resolved, tools, account)
        rest.release()
        await rest.done()
    locked = await tools.stages.look_after(with_code_hashes, resolved.locked, tools.cache)
    locked, notes = await tools.stages.look_after(without_unsafe, locked, tools)
    return replace(resolved, locked=locked, notes=resolved.notes + notes)


def _is_to_load(entry: Entry, locked: LockedEntry | None, tools: Tools, options: Options) -> bool:
    if options.dry_run or not options.may_load or mode_of(entry, options.proof) == "files":
        return False
    return options.prove_again or locked is None or tools.memory.recall(locked).proof is None
