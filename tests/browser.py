"""A real browser for tests, where Chromium is installed; CI says that it has to be (PREWARM_TEST_BROWSER)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=900,1000",
]
IS_MISSING = "PREWARM_TEST_BROWSER" not in os.environ and not (CHROMIUM and DRIVER)
WHY = "there is no Chromium: apt-get install chromium chromium-driver"


def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The driver of a browser with a profile of its own."""
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    assert CHROMIUM
    assert DRIVER
    options = Options()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    home = str(tmp_path_factory.mktemp("home"))
    driver = webdriver.Chrome(options=options, service=Service(DRIVER, env={**os.environ, "HOME": home}))
    try:
        yield driver
    finally:
        driver.quit()
