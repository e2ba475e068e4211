"""Which Python files a repository's own code consists of. Changes with transformers' dynamic modules."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prewarm.plan.known import Known
from prewarm.records import names
from prewarm.records.errors import PlanError
from prewarm.records.listing import Repo

CONFIGS = (
    "config.json",
    "tokenizer_config.json",
    "processor_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
)
"""The files whose ``auto_map`` names classes in Python files."""

# What transformers itself looks for where a file does not parse (dynamic_module_utils.get_relative_imports).
_RELATIVE = re.compile(r"^\s*(?:from\s+\.(\w[\w.]*)\s+import|import\s+\.(\w\S*)\s*$)", re.MULTILINE)


def references(config: Mapping[str, Any]) -> Iterator[str]:
    """Every ``module.Class`` or ``repo--module.Class`` of a configuration's ``auto_map``."""
    auto_map = config.get("auto_map")
    values: Iterable[Any] = auto_map.values() if isinstance(auto_map, dict) else [auto_map]
    for value in values:
        for reference in value if isinstance(value, list) else [value]:
            if isinstance(reference, str) and "." in reference:
                yield reference


def code_files(
    known: Known, own: Repo, configs: Iterable[Mapping[str, Any]], code_revision: str | None
) -> dict[Repo, set[str]]:
    """The Python files that ``auto_map`` leads to, with their relative imports, per repository.

    Raises:
        Needs: another repository's listing, or the content of a module.
        PlanError: the code is to come from something that is no repository.
    """
    roots: dict[Repo, set[str]] = {}
    for config in configs:
        for reference in references(config):
            repo_id, dashes, name = reference.rpartition("--")
            if dashes and not names.is_repo_id(repo_id):
                raise PlanError("unsafe", f"{own.repo_id} runs code of '{repo_id}', which is no repository")
            repo = (
                own if not dashes or repo_id == own.repo_id else Repo(repo_id=repo_id, revision=code_revision or "main")
            )
            roots.setdefault(repo, set()).add(name.split(".")[0] + ".py")
    return {repo: _closure(known, repo, modules & known.paths(repo)) for repo, modules in roots.items()}


def _closure(known: Known, repo: Repo, modules: set[str]) -> set[str]:
    paths, done, todo = known.paths(repo), set[str](), set(modules)
    while todo:
        # All of one round at once, so that the files come together.
        known.ask(repo, sorted(todo))
        done |= todo
        todo = {found for path in todo for found in _imports(path, known.text(repo, path)) if found in paths} - done
    return done


def _imports(path: str, text: str) -> set[str]:
    folder = path.rpartition("/")[0]
    found = set()
    for level, dotted in _relative_imports(text):
        steps = folder.split("/") if folder else []
        base = "/".join([*steps[: len(steps) - (level - 1)], *dotted.split(".")])
        found |= {f"{base}.py", f"{base}/__init__.py"}
    return found


def _relative_imports(text: str) -> set[tuple[int, str]]:
    try:
        with warnings.catch_warnings():
            # What is odd in it is its owner's matter.
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {(1, first or second) for first, second in _RELATIVE.findall(text)}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            if node.module:
                found.add((node.level, node.module))
            else:
                found |= {(node.level, alias.name) for alias in node.names}
    return found
