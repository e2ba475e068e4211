"""The README: its commands print what it shows, and everything else is a few clicks away."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import DOCS, PAGES, ROOT, text_of

from conftest import MINILM, TESTS, Prewarm
from prewarm.localhub import LocalHub, Repository

README = text_of(ROOT / "README.md")
SCREEN = 100
"""Lines; a screen of a browser, and what a phone scrolls in a few strokes."""


@pytest.fixture
def prewarm(tmp_path: Path, minilm: Path) -> Iterator[Prewarm]:
    repository = Repository(repo_id=MINILM)
    repository.commit_folder(minilm)
    shutil.copy(TESTS.parent / "examples/streamlit/app.py", tmp_path)
    with LocalHub([repository]) as hub:
        found = Prewarm(tmp_path, hub.url)
        found.environ |= {"COLUMNS": "114", "PATH": f"{Path(sys.executable).parent}:{found.environ['PATH']}"}
        yield found


def alike(text: str) -> str:
    """Without what each run has of its own: times, and the widths that follow from them."""
    return re.sub(r"\s+", " ", re.sub(r"\d+:\d\d|\d+(\.\d)? s\b|\d+ ms", "T", text)).strip()


@pytest.mark.models
def test_what_it_shows_is_what_is_printed(prewarm: Prewarm) -> None:
    block = re.search(r"^```text\n(\$ .*?)^```", README, re.MULTILINE | re.DOTALL)
    assert block
    steps = re.split(r"^\$ ", block[1], flags=re.MULTILINE)[1:]
    assert len(steps) == 3
    for step in steps:
        line, _, shown = step.partition("\n")
        command = line.partition(" #")[0].replace("streamlit run app.py", "python -c pass")
        done = subprocess.run(
            shlex.split(command), cwd=prewarm.folder, env=prewarm.environ, capture_output=True, text=True, check=True
        )
        # Notes follow the totals, and are not shown.
        assert alike(done.stdout).startswith(alike(shown)), command


def test_it_is_one_screen() -> None:
    assert len(README.splitlines()) <= SCREEN


def without_code(page: Path) -> str:
    return re.sub(r"^ *```.*?^ *```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


def links(page: Path) -> set[Path]:
    """The pages of the project that a page links to."""
    found = re.findall(r"\]\(([^)#:]+\.md)(?:#[^)]*)?\)", text_of(page))
    return {(page.parent / one).resolve() for one in found}


def test_every_page_is_three_clicks_away_at_most() -> None:
    reached, border = {ROOT / "README.md"}, {ROOT / "README.md"}
    for _ in range(3):
        border = {other for page in border for other in links(page)} - reached
        reached |= border
    # The changelog is linked to by the site alone.
    assert set(PAGES) - reached <= {DOCS / "changelog.md", DOCS / "index.md"}


def test_no_link_of_a_page_is_dead() -> None:
    for page in (*PAGES, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "examples").glob("*/README.md"))):
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)", without_code(page)):
            if not re.match(r"[a-z]+:", link):
                assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_picture_of_a_page_is_there() -> None:
    for page in PAGES:
        text = without_code(page)
        named = re.findall(r"(?:src|srcset)=\"([^\"]+)\"", text) + re.findall(r"!\[[^\]]*\]\(([^)#\s]+)", text)
        for name in named:
            assert re.match(r"[a-z]+:", name) or (page.parent / name).is_file(), f"{page.name}: {name}"


TASKS = {
    "a Streamlit application that gets 429": ("docs/start/index.md", "docs/start/streamlit.md"),
    "bake an image": ("docs/start/index.md", "docs/start/docker.md"),
    "builds behind the company's mirror": ("docs/start/index.md", "docs/start/corporate-mirror.md"),
    "CI that shares its address": ("docs/start/index.md", "docs/start/github-actions.md"),
    "pods with their models": ("docs/start/index.md", "docs/start/kubernetes.md"),
    "a machine without a network": ("docs/start/index.md", "docs/start/air-gapped.md"),
    "200 GB on a bad line": ("docs/start/index.md", "docs/start/large.md"),
    "what a key of the manifest means": ("docs/manifest.md",),
    "what an error means": ("docs/messages.md",),
    "onboard a model: try it, compare versions": ("docs/load.md",),
    "see what an upgrade changes": ("docs/lock.md",),
    "many nodes at the cost of one": ("docs/fleet.md",),
}
"""What people come for, and the pages that they click through, from the README on."""


@pytest.mark.parametrize("task", TASKS)
def test_what_people_come_for_is_found(task: str) -> None:
    page = ROOT / "README.md"
    assert len(TASKS[task]) <= 3
    for name in TASKS[task]:
        assert ROOT / name in links(page), f"{page.name} does not lead to {name}"
        page = ROOT / name
