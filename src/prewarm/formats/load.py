"""What came of a load test, for people. Changes with what is said of a step."""

from __future__ import annotations

from collections.abc import Callable

from prewarm.records.load import LoadReport, StepResult
from prewarm.records.text import harmless
from prewarm.records.units import duration, size

Paint = Callable[[str, str], str]
_NEAR_LIMIT = 0.8
_OWN_SHARE = 0.05
_HEAD = ("load", "sent", "answered", "failed", "answers/s", "mean", "p50", "p90", "p95", "p99", "max", "CPU", "memory")


def lines(report: LoadReport, paint: Paint, *, quiet: bool) -> list[str]:
    """A table of the steps, and what follows from it.

    Args:
        report: what came of it.
        paint: gives a text a colour.
        quiet: only why it is no success.
    """
    said = _verdict(report, paint)
    if quiet:
        return [] if report.ok else said
    rows = [_HEAD, *(_row(one) for one in report.steps)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEAD))]
    table = ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    found = [_head(report), "", *table, ""]
    for one in report.steps:
        if one.failures:
            reasons = ", ".join(f"{count} x {reason}" for reason, count in one.failures.items())
            found.append(f"{one.step.name}: {paint(harmless(reasons), 'red')}")
        if (share := report.own_share(one)) > _OWN_SHARE and not one.is_void:
            found.append(f"{one.step.name}: up to {share:.0%} of the latency may be this generator's own time")
        if one.is_void:
            found.append(f"{one.step.name}: {paint('void', 'yellow')}, as {_why_void(one)}")
    return [*found, *said]


def _why_void(one: StepResult) -> str:
    if any("ulimit" in reason for reason in one.failures):
        return "this machine had no more connections to give: ulimit -n 65536"
    return (
        f"the generator itself was late (99 of 100 by less than {one.lag_p99_s * 1000:.0f} ms): let it have a processor"
    )


def _head(report: LoadReport) -> str:
    commit = f" at {report.commit[:7]}" if report.commit else ""
    threads = f", {report.threads} thread{'s' if report.threads != 1 else ''}" if report.threads else ""
    first = f"first answer {_ms(report.warm_up_s)}"
    return f"{harmless(report.target)}{commit}: {report.served_by}{threads}, {report.payload}; {first}"


def _row(one: StepResult) -> tuple[str, ...]:
    latency = one.latency
    times = [latency.mean, latency.p50, latency.p90, latency.p95, latency.p99, latency.max] if latency else []
    usage = one.usage
    return (
        one.step.name,
        str(one.sent),
        str(one.answered),
        f"{one.errors:.1%}" if one.failures else "-",
        f"{one.rate:.1f}",
        *([_ms(value) for value in times] or ["-"] * 6),
        f"{usage.cpu_cores:.1f}" if usage else "-",
        size(usage.rss_bytes) if usage else "-",
    )


def _verdict(report: LoadReport, paint: Paint) -> list[str]:
    found = []
    if report.ended:
        found.append(paint(f"ended early: {harmless(report.ended)}", "red"))
    limit = report.generator_limit
    if limit:
        near = report.capacity > _NEAR_LIMIT * limit
        note = ", which the server comes near: its own limit may be higher" if near else ""
        found.append(f"this generator's limit here: {limit:.0f} requests/s{note}")
    if report.knee is not None:
        found.append(f"most answers: {report.capacity:.1f}/s, reached at {report.knee.step.name}")
    if report.steps and all(one.is_void for one in report.steps):
        found.append(paint("every step is void: nothing was measured", "red"))
    elif report.bounds:
        wanted = ", ".join(bound.said for bound in report.bounds)
        if report.best is None:
            found.append(paint(f"no step holds {wanted}", "red"))
        else:
            errors = report.best.errors
            of = (
                f"; {errors:.1%} of the requests failed, which nothing bounds"
                if errors and _bounds_none(report)
                else ""
            )
            found.append(paint(f"{wanted}: held up to {report.best.step.name} ({report.best.rate:.1f}/s){of}", "green"))
    return [*found, f"in {duration(report.elapsed_s)}"]


def _bounds_none(report: LoadReport) -> bool:
    return all(bound.metric != "errors" for bound in report.bounds)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"
