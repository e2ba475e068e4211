"""A load test as one page that needs nothing else, and as pictures. Changes with what the page shows."""

from __future__ import annotations

from collections.abc import Sequence

from prewarm.formats.charts import Chart, Curve, draw
from prewarm.formats.load import lines
from prewarm.formats.page import page
from prewarm.records.load import LoadReport, StepResult
from prewarm.records.text import harmless

_PERCENTILES = ("p50", "p90", "p95", "p99")
_AXIS = {"concurrency": "requests at a time", "rate": "requests sent a second"}


def charts(report: LoadReport) -> dict[str, str]:
    """The pictures, by name: rate, latency, failures and resources."""
    steps = report.steps
    kind = steps[0].step.kind if steps else "concurrency"
    x = [one.step.value for one in steps]
    answered = [one for one in steps if one.latency is not None]
    sent = [Curve(name="sent", x=x, y=x, is_dashed=True)] if kind == "rate" else []
    made = {
        "rate": Chart(
            title="Answers a second",
            x=_AXIS[kind],
            y="answers a second",
            curves=[Curve(name="answered", x=x, y=[one.rate for one in steps]), *sent],
            ticks=x,
        ),
        "latency": Chart(
            title="Time to an answer",
            x=_AXIS[kind],
            y="milliseconds",
            curves=[
                Curve(name=name, x=[one.step.value for one in answered], y=[_ms(one, name) for one in answered])
                for name in _PERCENTILES
            ],
            ticks=x,
        ),
        "failures": Chart(
            title="Requests without an answer",
            x=_AXIS[kind],
            y="% of those sent",
            curves=[Curve(name="failed", x=x, y=[100 * one.errors for one in steps])],
            ticks=x,
        ),
    }
    used = [one for one in steps if one.usage is not None]
    if used:
        made["resources"] = _resources(used, _AXIS[kind])
    return draw(made)


def render(report: LoadReport, pictures: dict[str, str]) -> str:
    """The page."""
    text = "\n".join(lines(report, lambda said, _: said, quiet=False))
    facts = [report.machine, *(f"{name} {version}" for name, version in report.versions.items())]
    title = f"Load on {harmless(report.target)}"
    return page(title, [{"title": "", "facts": facts, "text": text, "pictures": list(pictures.values()), "rows": []}])


def _resources(used: Sequence[StepResult], axis: str) -> Chart:
    x = [one.step.value for one in used]
    curves = [
        Curve(name="processors", x=x, y=[one.usage.cpu_cores for one in used if one.usage]),
        Curve(name="memory, GB", x=x, y=[one.usage.rss_bytes / 1e9 for one in used if one.usage]),
    ]
    with_gpu = [one for one in used if one.usage and one.usage.gpu_share is not None]
    if with_gpu:
        shares = [float(one.usage.gpu_share or 0) for one in with_gpu if one.usage]
        curves.append(Curve(name="GPU", x=[one.step.value for one in with_gpu], y=shares))
    return Chart(title="What the server took", x=axis, y="processors, GB", curves=curves, ticks=x)


def _ms(one: StepResult, name: str) -> float:
    return 1000 * float(getattr(one.latency, name))
