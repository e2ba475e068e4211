"""``prewarm load``: what it measures of servers whose capacity is known, of entries, and of servers in trouble."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from browser import IS_MISSING, WHY, opened
from conftest import MINILM, TOKEN, Prewarm, Result
from prewarm.formats.load import lines as load_lines
from prewarm.load import read_bounds, read_steps
from prewarm.load.statistics import OWN_FAULT, Shot, latency_of, percentile, result_of
from prewarm.records.errors import CommandError
from prewarm.records.load import LoadReport, Step, StepResult

SERVER = Path(__file__).with_name("slow_server.py")
Serving = Callable[..., str]
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def serving() -> Iterator[Serving]:
    """Starts servers, and gives their addresses."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> str:
        process = subprocess.Popen([sys.executable, str(SERVER), *words], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        return f"http://127.0.0.1:{process.stdout.readline().strip()}/run"

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def told(url: str) -> dict[str, float]:
    with urllib.request.urlopen(url.replace("/run", "/told"), timeout=30) as answer:
        found: dict[str, float] = json.load(answer)
    return found


def steps(result: Result) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = result.report["steps"]
    return found


@pytest.mark.parametrize("words", [("--concurrency", "1,2,4,8,16"), ("--rate", "20,40,60,100,140")])
def test_the_knee_of_a_server_is_found_within_a_tenth(
    prewarm: Prewarm, serving: Serving, words: tuple[str, str]
) -> None:
    url = serving("--slots", "4", "--sleep", "0.05")
    result = prewarm("load", url, *words, "--duration", "3s", "--json")
    assert result.code == 0, result.out + result.err
    # What it really was, on this machine at this time: sleeping takes longer than it should where others compute.
    capacity = 4 / told(url)["slot_s"]
    assert 0.9 * capacity <= result.report["capacity"] <= 1.1 * capacity
    knee = result.report["knee"]["value"]
    # Four at a time fill its slots; of the rates, 100 and 140 a second are more than it can give.
    assert knee in ((4, 8) if words[0] == "--concurrency" else (100, 140))


def test_a_stall_is_not_hidden_by_the_requests_that_it_kept_from_being_sent(prewarm: Prewarm, serving: Serving) -> None:
    url = serving("--stall", "1.5", "--stall-after", "100", "--sleep", "0.002")
    result = prewarm("load", url, "--rate", "50", "--duration", "6s", "--json")
    step = steps(result)[0]
    assert (step["sent"], step["answered"]) == (300, 300)
    # 75 of 300 were due while it stood still: a quarter waits, up to a second and a half. From when a request was
    # sent, as generators count that wait for their own answers, a handful would have.
    assert step["latency"]["p90_s"] > 0.5
    assert step["latency"]["p99_s"] > 1.0
    assert step["latency"]["p50_s"] < step["latency"]["p90_s"] / 4


def test_failures_are_counted_by_reason_and_what_is_wanted_is_not_held(prewarm: Prewarm, serving: Serving) -> None:
    url = serving("--fail-every", "2")
    result = prewarm("load", url, "--concurrency", "1,2", "--duration", "1s", "--slo", "errors<1%", "--json")
    assert result.code == 1
    for step in steps(result):
        failed = step["sent"] - step["answered"]
        assert step["failures"] == {"status 500": failed}
        assert abs(failed - step["answered"]) <= 2
        assert 0.4 < step["errors"] < 0.6
    assert result.report["best"] is None
    shown = prewarm("load", url, "--concurrency", "1", "--duration", "1s", "--slo", "errors<60%")
    assert shown.code == 0
    assert "errors<60%: held up to 1 at a time" in shown.out
    assert "x status 500" in shown.out
    assert re.search(r"this generator's limit here: \d+ requests/s", shown.out)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--silent",), "no answer within 1 s"),
        (("--fail-every", "1"), "status 500"),
        (("--die-after", "1"), "connection"),
    ],
)
def test_a_server_that_never_answers_is_named(
    prewarm: Prewarm, serving: Serving, words: tuple[str, ...], said: str
) -> None:
    result = prewarm("load", serving(*words), "--timeout", "1s", "--duration", "1s")
    assert result.code == 1
    assert said in result.err
    assert "try: " in result.err
    assert "Traceback" not in result.err


def test_nobody_there_and_odd_addresses_are_named(prewarm: Prewarm) -> None:
    refused = prewarm("load", "http://127.0.0.1:9/run", "--duration", "1s")
    assert refused.code == 1
    assert "connection refused" in refused.err
    for url in ("http://", "http://127.0.0.1:0/", "http://127.0.0.1:99999/", "http://[::1", "HTTP://a b/"):
        assert prewarm("load", url).code == 2


def test_a_password_in_an_address_is_sent_and_never_shown(prewarm: Prewarm, serving: Serving) -> None:
    url = serving().replace("http://", "http://user:S3CRET@")
    result = prewarm("load", url, "--concurrency", "1", "--duration", "1s", "-o", "a.html", "--json")
    assert result.code == 0, result.err
    said = result.out + result.err + (prewarm.folder / "a.html").read_text()
    for bad in ("http://user:S3CRET@127.0.0.1:9/", "http://user:S3CRET@127.0.0.1:99999/"):
        said += prewarm("load", bad).err
    said += prewarm("load", "http://user:S3CRET@127.0.0.1:9/v1/embeddings").err
    assert "S3CRET" not in said
    assert "127.0.0.1:9/v1/models names no model" in said


def test_an_answer_without_an_end_takes_no_memory(prewarm: Prewarm, serving: Serving) -> None:
    result = prewarm("load", serving("--endless"), "--concurrency", "1", "--timeout", "60s", "--duration", "1s")
    assert result.code == 1
    assert "an answer of more than 64 MB" in result.err


def test_a_file_that_is_none_stays_what_it_is(prewarm: Prewarm, serving: Serving) -> None:
    os.mkfifo(prewarm.folder / "pipe")
    reading = subprocess.Popen(["cat", "pipe"], cwd=prewarm.folder, stdout=subprocess.PIPE, text=True)
    (prewarm.folder / "real.csv").write_text("")
    (prewarm.folder / "link.csv").symlink_to("real.csv")
    url = serving()
    words = ("load", url, "--concurrency", "1", "--duration", "1s", "-q", "--csv")
    assert prewarm(*words, "pipe").code == 0
    assert reading.communicate(timeout=30)[0].startswith("kind,value")
    assert (prewarm.folder / "pipe").is_fifo()
    assert prewarm(*words, "link.csv").code == 0
    assert (prewarm.folder / "link.csv").is_symlink()
    assert (prewarm.folder / "real.csv").read_text().startswith("kind,value")


def test_what_an_entry_of_images_is_sent(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest('simple = ["zoo/image"]')
    assert zoo_prewarm("-q", "--proof", "files").code == 0
    result = zoo_prewarm("load", "--concurrency", "1", "--duration", "1s", "--json")
    assert result.code == 0, result.err
    assert result.report["payload"] == "an image of 224 x 224"
    (zoo_prewarm.folder / "body.json").write_text('{"text": 5}')
    refused = zoo_prewarm("load", "--payload", "body.json")
    assert refused.code == 1
    assert "status 422" in refused.err
    assert "text is a text" in refused.err, "what the server says of it"


def test_a_server_that_dies_under_load_ends_the_test_and_keeps_what_was_measured(
    prewarm: Prewarm, serving: Serving
) -> None:
    url = serving("--die-after", "150")
    result = prewarm("load", url, "--concurrency", "1,2,4,8", "--duration", "1s", "--json")
    assert result.code == 1
    assert "nothing was answered" in result.report["ended"]
    assert steps(result)[0]["answered"] > 0
    assert len(steps(result)) < 4
    assert "ended early" in prewarm("load", serving("--die-after", "150"), "--duration", "1s").out


def test_an_entry_is_served_loaded_drawn_and_nothing_is_left(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest('[[advanced]]\nid = "zoo/text"\n[settings]\nhistory = "prewarm.db"\n')
    assert zoo_prewarm("-q").code == 0
    result = zoo_prewarm(
        "load", "--concurrency", "1,3", "--duration", "1s", "--slo", "p99<100s,errors<1%", "--threads", "1", "--json",
        "-o", "report.html", "--csv", "steps.csv", env={"HF_TOKEN": TOKEN},
    )  # fmt: skip
    assert result.code == 0, result.out + result.err
    report = result.report
    assert report["served_by"] == "a FastAPI application"
    assert report["threads"] == 1
    assert report["payload"] == "a text of 1000 characters"
    assert report["best"] == {"kind": "concurrency", "value": 3.0}
    assert all(step["usage"]["rss_bytes"] > 1e8 for step in steps(result))
    assert all(step["usage"]["cpu_cores"] > 0.05 for step in steps(result))
    assert len(report["commit"]) == 40
    assert not [one for one in psutil.process_iter(["cmdline"]) if str(zoo_prewarm.folder) in str(one.info["cmdline"])]

    with (zoo_prewarm.folder / "steps.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["value"] for row in rows] == ["1.0", "3.0"]
    assert [float(row["rate"]) for row in rows] == [step["rate"] for step in steps(result)]
    page = (zoo_prewarm.folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 4
    assert not re.search(r'(src|href)="(?!#)', page), "it needs nothing else"
    assert "<script" not in page
    for name in ("rate", "latency", "failures", "resources"):
        picture = (zoo_prewarm.folder / f"report-{name}.svg").read_text(encoding="utf-8")
        assert "prefers-color-scheme: dark" in picture
        assert not re.search(r"#[0-9a-f]{6}", picture.partition("</style>")[2]), "each colour is a variable"
    history = zoo_prewarm("history", "--json").report
    assert [row["kind"] for row in history["versions"][0]["rows"]] == ["proof", "load"]
    assert history["versions"][0]["rows"][1]["figures"]["capacity"] == report["capacity"]


def test_the_servers_end_with_prewarm_whatever_ends_that(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest('simple = ["zoo/text"]')
    assert zoo_prewarm("-q", "--proof", "files").code == 0
    process = subprocess.Popen(
        zoo_prewarm.command("load", "--duration", "60s"), cwd=zoo_prewarm.folder, env=zoo_prewarm.environ,
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stderr is not None
    assert b"a FastAPI application answers" in process.stderr.readline()
    servers = psutil.Process(process.pid).children(recursive=True)
    assert servers
    process.kill()
    process.communicate()
    until = time.monotonic() + 60
    while any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in servers):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_an_embedding_model_is_served_from_its_artifact(served: Path, prewarm: Prewarm) -> None:
    prewarm.folder = served
    prewarm.environ["HF_HOME"] = str(served / "home")
    result = prewarm("load", "minilm", "--concurrency", "2", "--duration", "1s", "--json")
    assert result.code == 0, result.out + result.err
    assert result.report["served_by"] == "prewarm serve"
    assert result.report["target"] == "minilm"
    assert steps(result)[0]["failures"] == {}
    assert MINILM in (served / "prewarm.toml").read_text()


def test_a_payload_of_ones_own_is_sent(prewarm: Prewarm, serving: Serving) -> None:
    (prewarm.folder / "body.json").write_text('{"text": "a"}')
    url = serving()
    result = prewarm("load", url, "--concurrency", "1", "--duration", "1s", "--payload", "body.json", "--json")
    assert result.report["payload"] == "body.json"
    (prewarm.folder / "body.json").write_text('{"text": ')
    broken = prewarm("load", url, "--payload", "body.json")
    assert broken.code == 2
    assert "is no JSON" in broken.err
    assert prewarm("load", url, "--payload", "lost.json").code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--concurrency", "1,x"), "'x' is no load"),
        (("--concurrency", "1.5"), "whole number"),
        (("--concurrency", "0"), "no load"),
        (("--rate", "1", "--concurrency", "1"), "exclude each other"),
        (("--slo", "p95"), "nothing to hold"),
        (("--slo", "p97<1s"), "nothing to hold"),
        (("--slo", "p95<1"), "nothing to hold"),
        (("--slo", ""), "is empty"),
        (("--duration", "soon"), "no duration"),
        (("--duration", "0"), "no duration"),
        (("-o", "report.pdf"), "ends with .html"),
        (("-o", "no/report.html"), "there is no folder"),
        (("--csv", "no/steps.csv"), "there is no folder"),
        (("--csv", "."), "a folder, and no file"),
        (("-o", "a.html", "--csv", "a.html"), "name the same file"),
        (("--slo", "errors<1"), "nothing to hold"),
        (("--slo", "errors<500%"), "more than all"),
        (("--concurrency", ""), "no load"),
        (("--rate", "0.05"), "sends nothing"),
        (("--duration", "0.001s"), "less than 0.1 s"),
    ],
)
def test_what_is_asked_wrongly_is_named_before_anything_starts(
    prewarm: Prewarm, words: tuple[str, ...], said: str
) -> None:
    result = prewarm("load", "http://127.0.0.1:9/", *words)
    assert result.code == 2
    assert said in result.err


def test_steps_and_bounds_are_read() -> None:
    assert [step.value for step in read_steps(None, "10,5, 2.5")] == [2.5, 5, 10]
    assert read_steps(None, None)[0] == Step(kind="concurrency", value=1)
    bounds = read_bounds("p95<200ms, errors<=1%,rate>50/s,max<2s")
    assert [(one.metric, one.sign, one.value) for one in bounds] == [
        ("p95", "<", 0.2), ("errors", "<=", 0.01), ("rate", ">", 50.0), ("max", "<", 2.0),
    ]  # fmt: skip
    with pytest.raises(CommandError):
        read_bounds("p95<200%")


def test_percentiles_are_those_of_numpy() -> None:
    values = np.random.default_rng(0).exponential(size=997)
    found = latency_of(list(values))
    assert found is not None
    assert found.p50 == pytest.approx(np.percentile(values, 50))
    assert found.p95 == pytest.approx(np.percentile(values, 95))
    assert found.p99 == pytest.approx(np.percentile(values, 99))
    assert found.mean == pytest.approx(values.mean())
    assert found.max == values.max()
    assert percentile([], 50) == 0
    assert latency_of([]) is None


def result(value: float, rate: float, *, lag: float = 0.0, p95: float = 0.1) -> StepResult:
    shots = [Shot(at / rate, at / rate, at / rate + p95, None) for at in range(int(rate))]
    return result_of(Step(kind="rate", value=value), shots, [lag] * 100, 1.0, None)


def test_a_generator_that_stood_still_is_late_whatever_a_percentile_says() -> None:
    shots = [Shot(at / 100, at / 100, at / 100 + 0.01, None) for at in range(800)]
    step = Step(kind="concurrency", value=1)
    assert not result_of(step, shots, [0.001] * 800, 8.0, None).is_void
    assert result_of(step, shots, [0.001] * 799 + [2.0], 8.0, None).is_void
    lost = [*shots, Shot(0, 0, 0.1, OWN_FAULT)]
    assert result_of(step, lost, [0.001] * 800, 8.0, None).is_void, "this machine had no connection to give"
    assert result_of(step, [Shot(0, 0, 12.0, None)], [], 10.0, None).rate == pytest.approx(1 / 12)


def test_bounds_are_compared_without_rounding() -> None:
    found = result_of(Step(kind="rate", value=1), [Shot(0, 0, 0.1, "x"), *[Shot(0, 0, 0.1, None)] * 99], [], 1.0, None)
    assert found.errors == 0.01
    assert read_bounds("errors<=1%")[0].holds(found)


def test_a_step_that_the_generator_spoils_is_void_and_counts_for_nothing() -> None:
    assert not result(10, 10, lag=0.005).is_void
    assert result(10, 10, lag=0.05).is_void
    assert not result(10, 10, lag=0.05, p95=1.0).is_void, "a twentieth of what it measures is little"
    good, spoilt = result(10, 10), result(20, 20, lag=0.5)
    report = LoadReport(
        target="t", commit=None, served_by="s", threads=1, payload="p", steps=(good, spoilt),
        bounds=read_bounds("p95<1s"),
    )  # fmt: skip
    assert report.best == good
    assert report.capacity == good.rate


@pytest.mark.skipif(IS_MISSING, reason=WHY)
def test_the_page_is_drawn_for_light_and_dark(
    prewarm: Prewarm, serving: Serving, tmp_path_factory: pytest.TempPathFactory
) -> None:
    done = prewarm("load", serving(), "--concurrency", "1,2", "--duration", "1s", "-o", "report.html")
    assert done.code == 0, done.err
    look = (
        "const one = document.querySelector('svg text'), style = getComputedStyle;"
        "return [style(document.body).backgroundColor, style(one).fill,"
        "[...document.querySelectorAll('svg')].map(svg => svg.getBoundingClientRect().width),"
        "[...document.querySelectorAll('svg')].every(svg => svg.querySelectorAll('path').length > 5),"
        "performance.getEntriesByType('resource').length]"
    )
    seen = []
    for driver in opened(tmp_path_factory):
        driver.get((prewarm.folder / "report.html").as_uri())
        for scheme in ("light", "dark"):
            given = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", given)
            paper, ink, widths, are_drawn, fetched = driver.execute_script(look)
            assert len(widths) == 4
            assert all(width > 300 for width in widths)
            assert are_drawn
            assert fetched == 0
            seen.append((paper, ink))
        driver.get((prewarm.folder / "report-latency.svg").as_uri())
        assert driver.execute_script("return document.querySelectorAll('path').length") > 5
    assert seen[0][0] == "rgb(255, 255, 255)"
    assert len({*seen[0], *seen[1]}) == 4, "paper and ink are others in the dark"


def test_a_model_that_prints_is_served_and_a_decoder_is_sent_what_it_has_places_for(zoo_prewarm: Prewarm) -> None:
    (zoo_prewarm.folder / "loud.py").write_text(
        "from transformers import AutoModelForCausalLM\n"
        "class Loud:\n"
        "    @staticmethod\n"
        "    def from_pretrained(*args, **more):\n"
        "        print('loading the model ...', flush=True)\n"
        "        return AutoModelForCausalLM.from_pretrained(*args, **more)\n"
    )
    zoo_prewarm.environ["PYTHONPATH"] = str(zoo_prewarm.folder)
    zoo_prewarm.manifest(
        '[[advanced]]\nid = "zoo/chat"\nmodel_class = "loud:Loud"\nprocessor_class = "AutoTokenizer"\n'
        "generation = { max_new_tokens = 2 }\n"
    )
    assert zoo_prewarm("-q").code == 0
    result = zoo_prewarm("load", "--concurrency", "1", "--duration", "1s", "--json")
    assert result.code == 0, result.err
    assert re.fullmatch(r"a text of \d+ characters", result.report["payload"])


def test_a_server_has_a_row_in_the_history_and_an_interrupt_loses_no_step(prewarm: Prewarm, serving: Serving) -> None:
    prewarm.manifest('[settings]\nhistory = "prewarm.db"\n[[advanced]]\nid = "org/a"\n')
    url = serving("--slots", "4", "--sleep", "0.02")
    words = ["load", url, "--duration", "1s", "--concurrency"]
    assert prewarm(*words, "1").code == 0
    process = subprocess.Popen(
        prewarm.command(*words, "1,2,3,4,5,6"), cwd=prewarm.folder, env=prewarm.environ, stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("2 "):
            break
    process.send_signal(signal.SIGINT)
    process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 130
    (version,) = json.loads(prewarm("history", "--json").out)["versions"]
    first, second = version["rows"]
    assert (first["entry"], first["commit"], first["result"]) == (url, "", "held")
    assert (second["result"], second["figures"]["ended"]) == ("failed", "interrupted")
    assert 2 <= len(second["figures"]["steps"]) < 6


def test_the_generators_own_time_is_told_where_it_counts() -> None:
    step = Step(kind="concurrency", value=4)
    fast, slow = (
        result_of(step, [Shot(at, at, at + mean, None) for at in range(10)], [0.0], 1.0, None) for mean in (0.0026, 0.1)
    )
    report = LoadReport(
        target="a", commit=None, served_by="a server", threads=None, payload="GET", steps=(fast, slow),
        generator_limit=10_000.0,
    )  # fmt: skip
    assert [round(report.own_share(one), 3) for one in report.steps] == [0.154, 0.004]
    told = "\n".join(load_lines(report, lambda text, _: text, quiet=False))
    assert told.count("may be this generator's own time") == 1
    assert "up to 15% of the latency" in told
