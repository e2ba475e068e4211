"""The pages of the documents, and the parts of them that say something that can be compared."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(language: str) -> list[tuple[str, str]]:
    """(where, content) of each fenced block of a language, but for those that are a file of the repository."""
    found = []
    for page in PAGES:
        for match in re.finditer(rf"^( *)```{language}\n(.*?)^ *```", text_of(page), re.MULTILINE | re.DOTALL):
            content = re.sub(rf"^{match[1]}", "", match[2], flags=re.MULTILINE)
            if "--8<--" not in content:
                line = text_of(page)[: match.start()].count("\n") + 1
                found.append((f"{page.relative_to(ROOT)}:{line}", content))
    return found


def commands() -> list[tuple[str, str]]:
    """(where, command) of each line of the documents that calls prewarm, in a block or between backticks."""
    found = []
    for page in PAGES:
        is_code = False
        for number, line in enumerate(text_of(page).splitlines(), 1):
            is_code ^= line.strip().startswith("```")
            where = f"{page.relative_to(ROOT)}:{number}"
            spans = re.findall(r"`(prewarm [^`]+)`", line)
            start = re.match(r"(?:\$ |RUN |- run: )?(prewarm(?: .*)?)$", line.strip())
            found += [(where, one) for one in (spans if not is_code else [start[1]] if start else [])]
    return found
