"""The site is built, its links lead somewhere, and a browser shows it in light, in dark, and on a phone."""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import links
import pytest

from browser import IS_MISSING, WHY, opened
from conftest import TESTS

ROOT = TESTS.parent
PARTS = ("docs", "examples", "src", "zensical.toml", "CHANGELOG.md", "CONTRIBUTING.md")
MERMAID = "javascripts/mermaid.min.js"
"""It comes from npm, see CONTRIBUTING.md; CI has it."""


def project(target: Path) -> Path:
    """What the site is made of, in a folder of its own."""
    for name in PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target / name)
    return target


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict", "--clean"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = project(tmp_path_factory.mktemp("site"))
    done = build(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    if "PREWARM_TEST_NODE" in os.environ:
        source = Path(os.environ["PREWARM_TEST_NODE"]) / "node_modules/mermaid/dist/mermaid.min.js"
        (folder / "site/javascripts").mkdir()
        shutil.copy(source, folder / "site" / MERMAID)
    return folder / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, links.Page]:
    return links.read(site)


def test_every_page_is_in_the_navigation_and_no_other(site: Path) -> None:
    named = set(re.findall(r'"([\w/-]+\.md)"', (ROOT / "zensical.toml").read_text(encoding="utf-8")))
    assert named == {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    for name in named:
        place = name.removesuffix(".md").removesuffix("index")
        assert (site / place / "index.html").is_file(), name


def test_every_link_leads_somewhere(site: Path, pages: dict[Path, links.Page]) -> None:
    assert len(pages) > 30
    assert sum(len(page.links) for page in pages.values()) > 1000
    found = [said for said in links.dead(site, pages) if MERMAID not in said]
    assert found == []


def test_a_dead_link_is_found(tmp_path: Path, site: Path) -> None:
    shutil.copytree(site, tmp_path / "site")
    page = tmp_path / "site" / "lock" / "index.html"
    page.write_text(page.read_text(encoding="utf-8") + '<a href="../nowhere/">a</a><a href="../questions/#none">b</a>')
    found = links.dead(tmp_path / "site", links.read(tmp_path / "site"))
    assert [said.split(": ")[1] for said in found if MERMAID not in said] == ["../nowhere/", "../questions/#none"]


@pytest.mark.parametrize("text", ["[a](nowhere.md)", "[a](lock.md#none)", '--8<-- "examples/none.py"'])
def test_the_build_fails_on_a_wrong_page(tmp_path: Path, text: str) -> None:
    folder = project(tmp_path)
    with (folder / "docs/script.md").open("a", encoding="utf-8") as page:
        page.write(f"\n{text}\n")
    assert build(folder).returncode != 0


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|img|link)[^>]+(?:src|href)="(https?://[^"]+)"', text)
        assert [one for one in loaded if "canonical" not in one] == [], path


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    handler = partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *said: object) -> None:
        pass


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if IS_MISSING:
        pytest.skip(WHY)
    yield from opened(tmp_path_factory)


LOOKED_AT = tuple(
    sorted(
        str(path.relative_to(ROOT / "docs")).removesuffix(".md").removesuffix("index").removesuffix("/")
        for path in (ROOT / "docs").rglob("*.md")
    )
)
ELSEWHERE = {"semver.org", "zensical.org"}
"""Hosts that pages link to."""
PHONE, DESK = (390, 844), (1280, 900)


def show(browser: Any, url: str, scheme: str, size: tuple[int, int]) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(url)
    browser.execute_script("localStorage.clear()")
    browser.get(url)


def luminance(colour: str) -> float:
    """Of a colour as CSS computes it: relative, as WCAG has it."""
    numbers = [float(one) for one in re.findall(r"[\d.]+", colour)[:3]]
    parts = [one / 255 / 12.92 if one / 255 <= 0.03928 else ((one / 255 + 0.055) / 1.055) ** 2.4 for one in numbers]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("page", LOOKED_AT)
@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "dark"), (DESK, "light")], ids=["phone, dark", "desk, light"])
def test_a_browser_shows_it(browser: Any, served: str, page: str, size: tuple[int, int], scheme: str) -> None:
    show(browser, f"{served}/{page}/" if page else f"{served}/", scheme, size)
    width = browser.execute_script("return document.documentElement.scrollWidth")
    assert width <= size[0], "the page is wider than the screen"
    ink, paper = browser.execute_script(
        "const text = getComputedStyle(document.querySelector('article'));"
        "return [text.color, getComputedStyle(document.body).backgroundColor]"
    )
    dark, light = sorted((luminance(ink), luminance(paper)))
    assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, paper)
    assert (luminance(paper) < 0.2) == (scheme == "dark")
    shown = browser.execute_script(
        "return [...document.querySelectorAll('article img')].filter(image => image.offsetParent)"
        ".map(image => [image.src, image.complete && image.naturalWidth > 0])"
    )
    assert all(is_there for _, is_there in shown), shown
    other = "dark" if scheme == "light" else "light"
    assert not [source for source, _ in shown if f"-{other}.svg" in source], "a plot for the other colours"


@pytest.mark.skipif("PREWARM_TEST_NODE" not in os.environ, reason="mermaid comes from npm: see .ci/run")
@pytest.mark.parametrize("page", ["", "how-it-works/", "reliability/", "security/", "design/"])
def test_drawings_are_drawn(browser: Any, served: str, page: str) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    show(browser, f"{served}/{page}", "light", DESK)
    # The drawing stands in a closed shadow root: what is left to see is its size, and that its source is gone.
    drawn = "return [...document.querySelectorAll('.mermaid')].map(one => [one.tagName, one.offsetHeight])"
    WebDriverWait(browser, 20).until(
        lambda driver: all(tag == "DIV" and height > 50 for tag, height in driver.execute_script(drawn))
    )
    assert browser.execute_script(drawn)


@pytest.mark.parametrize(
    ("asked", "page"), [("gated", "messages/"), ("worker_memory", "manifest/"), ("raise_if_not_ready", "api/")]
)
def test_the_search_has_what_a_page_says(site: Path, asked: str, page: str) -> None:
    found = json.loads((site / "search.json").read_text(encoding="utf-8"))["items"]
    assert [one for one in found if one["location"].startswith(page) and asked in one["title"] + one["text"]]


def test_the_python_page_shows_every_field(site: Path) -> None:
    import dataclasses

    from prewarm.operations.opened import OpenedEntry
    from prewarm.records.failure import Failure
    from prewarm.records.report import EntryReport, Report

    anchors = links.read(site)[site / "api" / "index.html"].anchors
    for kind in (Report, EntryReport, Failure, OpenedEntry):
        for one in dataclasses.fields(kind):
            assert f"{kind.__module__}.{kind.__name__}.{one.name}" in anchors


def test_the_sites_that_are_linked_to_are_known(pages: dict[Path, links.Page]) -> None:
    """Nobody asks them here: a new one is looked at by hand."""
    assert links.elsewhere(pages) <= ELSEWHERE
