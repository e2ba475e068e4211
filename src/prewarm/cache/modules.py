"""Code of repositories that transformers has copied earlier, to run it. Changes with where transformers copies it to.

It copies a file once for each commit, and runs the copy ever after, whatever that holds by then (transformers 5.24,
``dynamic_module_utils.get_cached_module_file``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from prewarm.records.lock import LockedRepo


def altered(root: Path, repo: LockedRepo) -> list[Path]:
    """The folders of copies that hold anything but the code that was locked.

    Args:
        root: what ``HF_MODULES_CACHE`` names.
        repo: with the code that was locked.
    """
    code = {file.path: file.code_sha256 for file in repo.files if file.code_sha256}
    if not code:
        return []
    parts = repo.repo.repo_id.split("/")
    places = {tuple(parts), tuple(map(_as_module, parts))}
    folders = [root.joinpath("transformers_modules", *place, repo.commit) for place in sorted(places)]
    return [folder for folder in folders if folder.is_dir() and not _is_right(folder, code)]


def remove(root: Path, repo: LockedRepo) -> bool:
    """Take these folders away; they are copied anew when they are needed. Gives whether there were any."""
    import shutil  # not before it is needed: a check is to start fast

    found = altered(root, repo)
    for folder in found:
        shutil.rmtree(folder, ignore_errors=True)
    return bool(found)


def _is_right(folder: Path, code: Mapping[str, str]) -> bool:
    for path in folder.rglob("*.py"):
        try:
            content = path.read_bytes()
        except OSError:
            return False
        is_mark = not content and path.name == "__init__.py"
        if not is_mark and hashlib.sha256(content).hexdigest() != code.get(path.relative_to(folder).as_posix()):
            return False
    return True


def _as_module(name: str) -> str:
    made = name.replace(".", "_dot_").replace("-", "_hyphen_")
    return f"_{made}" if made[:1].isdigit() else made
