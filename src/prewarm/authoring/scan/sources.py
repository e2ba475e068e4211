"""Files of an application to what can be read of them. Changes with the kinds of files that name models."""

from __future__ import annotations

import ast
import json
import re
import stat
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_LEFT_OUT = {
    ".git", ".hg", ".svn", ".venv", "venv", "env", ".env", "node_modules", "__pycache__", ".tox", ".nox", ".mypy_cache",
    ".ruff_cache", ".pytest_cache", "site-packages", "dist-packages", ".ipynb_checkpoints", ".eggs",
}  # fmt: skip
_MAX_BYTES = 30_000_000
_TEXTS = {".toml", ".yaml", ".yml", ".sh", ".bash", ".cfg", ".env"}
_OWN = {"prewarm.toml", "prewarm.lock"}
_TIMED = re.compile(r"^(\s*)%(?:time|timeit|prun|memit)\s+")
_CAPTURED = re.compile(r"^(\s*)[\w\s,]+=\s*[!%].*$")
_MAGIC = re.compile(r"^\s*(?:%%|[%!?]|[\w. ]+\?{1,2}\s*$)")


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file."""

    path: Path
    name: str
    """As it is shown: relative to the folder that was named."""
    tree: ast.Module | None = None
    """Of Python; None: it is none."""
    text: str = ""
    """Of what is no Python: scripts, Dockerfiles, configuration; of a notebook, its commands of the shell."""
    cells: tuple[tuple[int, int], ...] = ()
    """Of a notebook: the first line of each cell in the tree, and the number of the cell."""
    broken: str = ""
    """Why it cannot be read; empty: it can."""
    left_out: tuple[int, ...] = ()
    """Cells of a notebook that are no Python."""
    ignored: Collection[int] = field(default_factory=frozenset)
    """Lines that say ``prewarm: ignore``."""

    def where(self, line: int) -> str:
        """``file:line``, or ``notebook:cell N:line``."""
        start, cell = next(((start, cell) for start, cell in reversed(self.cells) if start <= line), (0, 0))
        return f"{self.name}:cell {cell}:{line - start + 1}" if cell else f"{self.name}:{line}"


def read_sources(paths: Collection[Path]) -> list[Source]:
    """What can be read of files, and of all that folders hold.

    Args:
        paths: files and folders.
    """
    found: dict[Path, Source] = {}
    for given in paths:
        root = given if given.is_dir() else given.parent
        for path in _below(given):
            if path not in found:
                name = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
                found[path] = _read(path, name if given.is_dir() else str(given))
    return list(found.values())


def _below(given: Path) -> Iterator[Path]:
    if not given.is_dir():
        yield given
        return
    todo = [given]
    while todo:
        folder = todo.pop()
        try:
            inside = sorted(folder.iterdir())
        except OSError:
            continue
        for path in inside:
            if path.is_dir() and not path.is_symlink():
                is_environment = (path / "pyvenv.cfg").exists()
                if path.name not in _LEFT_OUT and not is_environment:
                    todo.append(path)
            elif _counts(path):
                yield path


def _counts(path: Path) -> bool:
    name = path.name.lower()
    if name in _OWN:
        return False
    return path.suffix.lower() in {".py", ".ipynb", *_TEXTS} or "dockerfile" in name or name == "procfile"


def _read(path: Path, name: str) -> Source:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return Source(path=path, name=name, broken="it is no regular file")
        size = found.st_size
        if size > _MAX_BYTES:
            return Source(path=path, name=name, broken=f"it has {size} bytes, too many for source")
        content = path.read_bytes()
    except OSError as error:
        return Source(path=path, name=name, broken=str(error.strerror or error))
    if path.suffix == ".ipynb":
        return _notebook(path, name, content)
    if path.suffix != ".py":
        return Source(path=path, name=name, text=content.decode("utf-8", errors="replace"))
    return _python(path, name, content)


def _python(path: Path, name: str, content: bytes) -> Source:
    try:
        tree = _parsed(content)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        return Source(path=path, name=name, broken=f"{where}{error.msg}")
    except (ValueError, RecursionError, MemoryError) as error:
        return Source(path=path, name=name, broken=f"{type(error).__name__}: {error}")
    lines = content.decode("utf-8", errors="replace").splitlines()
    return Source(path=path, name=name, tree=tree, ignored=_ignored(lines))


def _parsed(content: bytes | str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(content)


def _ignored(lines: Collection[str]) -> frozenset[int]:
    return frozenset(number for number, line in enumerate(lines, start=1) if "prewarm: ignore" in line)


def _notebook(path: Path, name: str, content: bytes) -> Source:
    try:
        said = json.loads(content)
        cells = said["cells"]
        texts = [(at, _text(cell["source"])) for at, cell in enumerate(cells, start=1) if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Source(path=path, name=name, broken="it is no notebook: no JSON with cells")
    lines: list[str] = []
    starts: list[tuple[int, int]] = []
    commands: list[str] = []
    left_out: list[int] = []
    for number, text in texts:
        if text.lstrip().startswith(("%%bash", "%%sh", "%%script")):
            commands += text.splitlines()[1:]
            continue
        kept = [_CAPTURED.sub(r"\1pass", _TIMED.sub(r"\1", line)) for line in text.splitlines()]
        kept = [line if not _MAGIC.match(line) else f"{_indent(line)}pass" for line in kept]
        try:
            _parsed("\n".join(kept))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            # One cell that is no Python is no reason to leave the others out.
            kept = ["pass"] * len(kept)
            left_out.append(number)
        commands += [line.strip().lstrip("!%") for line in text.splitlines() if line.strip()[:1] in ("!", "%")]
        starts.append((len(lines) + 1, number))
        lines += kept
    try:
        tree = _parsed("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Source(path=path, name=name, broken=f"{type(error).__name__}: {error}")
    return Source(
        path=path,
        name=name,
        tree=tree,
        text="\n".join(commands),
        cells=tuple(starts),
        left_out=tuple(left_out),
        ignored=_ignored(lines),
    )


def _text(source: object) -> str:
    return source if isinstance(source, str) else "".join(map(str, source if isinstance(source, list) else []))


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
