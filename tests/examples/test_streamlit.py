"""The example application in a browser: with prewarm it never asks the Hub, without it runs into the Hub's limit."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from browser import IS_MISSING, WHY, opened
from conftest import MINILM, TESTS, Prewarm
from prewarm.localhub import LocalHub, Quota, Quotas, Repository

EXAMPLE = TESTS.parent / "examples" / "streamlit"
SCALED_DOWN = {"api": Quota(requests=1, window_s=300), "resolvers": Quota(requests=6, window_s=300)}
"""A five-hundredth of an anonymous user's 500 and 3,000 requests in 300 s: as if 499 others shared the address."""
WAIT_S = 120

if IS_MISSING:
    pytest.skip(WHY, allow_module_level=True)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from opened(tmp_path_factory)


@pytest.fixture
def example(tmp_path: Path, minilm: Path) -> Iterator[tuple[Prewarm, LocalHub]]:
    """The example in a folder of its own, and a Hub with its model and an anonymous user's quota."""
    shutil.copytree(EXAMPLE, tmp_path / "example")
    repository = Repository(repo_id=MINILM)
    repository.commit_folder(minilm)
    with LocalHub([repository], quotas=Quotas(SCALED_DOWN)) as hub:
        yield Prewarm(tmp_path / "example", hub.url), hub


@contextmanager
def started(prewarm: Prewarm, *before: str) -> Iterator[str]:
    """The application's address, once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [*before, sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    log = (prewarm.folder / f"log-{port}.txt").open("w+")
    # Streamlit keeps something in the home directory.
    environ = {**prewarm.environ, "HOME": str(prewarm.folder)}
    process = subprocess.Popen(command, cwd=prewarm.folder, env=environ, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(OSError), urllib.request.urlopen(f"{address}/_stcore/health", timeout=5) as answer:
                if answer.status == 200:
                    break
            time.sleep(0.2)
        log.seek(0)
        assert process.poll() is None, log.read()
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)
        log.close()


def ranking(browser: Any, query: str) -> list[str]:
    """The sentences as the page shows them for ``query``, the nearest first."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    def shown(driver: Any) -> list[str] | None:
        if f"for: {query}" not in driver.find_element(By.TAG_NAME, "body").text:
            return None
        bars = [bar.text for bar in driver.find_elements(By.CSS_SELECTOR, "[data-testid=stProgress]")]
        return bars if len(bars) == 6 and all(bars) else None

    lines: list[str] = WebDriverWait(browser, WAIT_S, ignored_exceptions=_stale()).until(shown)
    return [line.split(maxsplit=1)[1] for line in lines]


def ask(browser: Any, query: str) -> list[str]:
    """Type a query, which makes Streamlit run the whole script again."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    field = browser.find_element(By.CSS_SELECTOR, "input[aria-label=Query]")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(query, Keys.ENTER)
    return ranking(browser, query)


def _stale() -> tuple[type[Exception], ...]:
    from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException

    return NoSuchElementException, StaleElementReferenceException


FIRST = "What does the central bank do?"
QUERIES = {
    "A pet at home": "The cat sleeps",
    "football": "The striker",
    "baking bread": "Add the flour",
    "astronomy": "The telescope",
    "public transport": "The train",
    "money and loans": "Interest rates",
    "kitten": "The cat sleeps",
    "a goal in the match": "The striker",
    "recipe": "Add the flour",
    "space": "The telescope",
}


def test_with_prewarm_the_hub_is_not_asked_and_may_be_gone(
    browser: Any, example: tuple[Prewarm, LocalHub], tmp_path: Path
) -> None:
    prewarm, hub = example
    run = prewarm.command("run", "--")
    with started(prewarm, *run) as address:
        warmed_up = len(hub.log.all())
        assert len(hub.log.metered()) == 7, "one listing and six files: what the quota allows"
        browser.get(address)
        assert ranking(browser, FIRST)[0].startswith("Interest rates")
        for query, nearest in QUERIES.items():
            assert ask(browser, query)[0].startswith(nearest), query
        assert "Run 11 of this session" in browser.page_source, "ten reruns"
        browser.save_screenshot(os.environ.get("PREWARM_SCREENSHOT", str(tmp_path / "page.png")))
        browser.refresh()
        assert ranking(browser, FIRST)
        assert len(hub.log.all()) == warmed_up, hub.log.all()[warmed_up:]
        assert not [request for request in hub.log.all() if request.status == 429]
    hub.stop()
    with started(prewarm, *run) as address:
        browser.get(address)
        assert ranking(browser, FIRST)[0].startswith("Interest rates")


def test_without_prewarm_the_same_application_runs_into_the_limit(
    browser: Any, example: tuple[Prewarm, LocalHub]
) -> None:
    prewarm, hub = example
    with started(prewarm) as address:
        browser.get(address)
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline and not any(request.status == 429 for request in hub.log.all()):
            time.sleep(0.1)
        assert [request for request in hub.log.all() if request.status == 429]
        assert "Run 1 of this session" not in browser.page_source
